// SPDX-License-Identifier: GPL-2.0
/* What the device says of extents that stay small, and who may fill holes. */
#include "device.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "fixture.h"

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

/* One extent at @at, told as @what with @error; the file is as it was. */
#define EXPECT_OUTCOME(what, error, at) do { \
	struct sc_account __before, __after; \
	struct sc_told __told; \
	int __fd = sc_device(); \
	sc_account(&__before, self->seg.fd, getpid(), NULL); \
	__told = sc_tell(__fd, at, sc_extent()); \
	sc_account(&__after, self->seg.fd, getpid(), NULL); \
	EXPECT_UNCHANGED(&__before, &__after); \
	EXPECT_ERRNO(error, __told.err); \
	EXPECT_EQ(1, __told.count); \
	EXPECT_EQ((uint32_t)(what), __told.outcome[0]); \
	close(__fd); \
} while (0)

#define EXPECT_COLLAPSED(at) do { \
	int __fd = sc_device(); \
	struct sc_told __told = sc_tell(__fd, at, sc_extent()); \
	EXPECT_ERRNO(0, __told.err); \
	EXPECT_EQ((uint32_t)SHMEM_COLLAPSE_COLLAPSED, __told.outcome[0]); \
	close(__fd); \
} while (0)

#define FILLED() \
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED))

/* --- outcomes -------------------------------------------------------------------------------- */

SC_TEST(misaligned)
{
	char *view;

	FILLED();
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ, MAP_SHARED, 0);
	ASSERT_EQ(0, munmap(view, self->seg.len));
	/* The next page of the file at the address of the first. */
	ASSERT_EQ(view, mmap(view, self->seg.len, PROT_READ, MAP_SHARED | MAP_FIXED,
			     self->seg.fd, sc_page()));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_MISALIGNED, EINVAL, view);
	munmap(view, self->seg.len);
}

SC_TEST(not_shmem)
{
	char *at = sc_reserve(sc_extent(), 0);

	FILLED();
	ASSERT_EQ(at, mmap(at, sc_extent(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_NOT_SHMEM, EOPNOTSUPP, at);
	munmap(at, sc_extent());
}

SC_TEST(thp_disabled)
{
	FILLED();
	ASSERT_EQ(0, madvise(self->seg.addr, self->seg.len, MADV_NOHUGEPAGE));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_THP_DISABLED, EOPNOTSUPP, self->seg.addr);
	ASSERT_EQ(0, madvise(self->seg.addr, self->seg.len, MADV_HUGEPAGE));
	ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_THP_DISABLED, EOPNOTSUPP, self->seg.addr);
	ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	EXPECT_COLLAPSED(self->seg.addr);
}

SC_TEST(unmapped)
{
	FILLED();
	EXPECT_OUTCOME(SHMEM_COLLAPSE_UNMAPPED, ENOMEM, sc_reserve(sc_extent(), 0));
}

SC_TEST(pinned)
{
	int fd;

	FILLED();
	fd = sc_register_buffer(self->seg.addr + sc_page(), sc_page());
	if (fd < 0)
		SKIP(return, "io_uring cannot register a buffer: %s", strerror(errno));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_PINNED, EAGAIN, self->seg.addr);
	close(fd);
}

SC_TEST(lru)
{
	struct iovec page;
	int fds[2];

	FILLED();
	ASSERT_EQ(0, pipe(fds));
	page.iov_base = self->seg.addr;
	page.iov_len = sc_page();
	ASSERT_EQ((ssize_t)sc_page(), vmsplice(fds[1], &page, 1, 0));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_LRU, EAGAIN, self->seg.addr);
	close(fds[0]);
	close(fds[1]);
}

SC_TEST(too_many_swapped)
{
	const char *reason;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	FILLED();
	ASSERT_LT(0, sc_swap_out(self->seg.addr, self->seg.len));
	ASSERT_EQ(0, sc_knob_set("max_ptes_swap", "0"));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_TOO_MANY_SWAPPED, EBUSY, self->seg.addr);
	/* A reader may bring them back: that makes nothing dense. */
	ASSERT_EQ(0, sc_defaults());
	ASSERT_EQ(0, mprotect(self->seg.addr, self->seg.len, PROT_READ));
	EXPECT_COLLAPSED(self->seg.addr);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(uffd_missing)
{
	int fd;

	FILLED();
	ASSERT_EQ(0, madvise(self->seg.addr, sc_page(), MADV_REMOVE));
	fd = sc_uffd_watch(0, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_UFFD_MISSING, EBUSY, self->seg.addr);
	close(fd);
}

SC_TEST(uffd_armed)
{
	int fd;

	FILLED();
	fd = sc_uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, self->seg.addr, self->seg.len,
			UFFDIO_REGISTER_MODE_WP);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_UFFD_ARMED, EBUSY, self->seg.addr);
	close(fd);
}

static void nothing(int signal)
{
}

SC_TEST(poisoned)
{
	FILLED();
	signal(SIGBUS, nothing);
	if (madvise(self->seg.addr + 5 * sc_page(), sc_page(), MADV_HWPOISON))
		SKIP(return, "MADV_HWPOISON: %s", strerror(errno));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_POISONED, EHWPOISON, self->seg.addr);
}

#define SMALL_MOUNT "/dev/shm/sc-device"

/* A file with one page in a file system of its own, made with @options. */
static int on_small_mount(struct sc_segment *seg, const char *options)
{
	int err;

	mkdir(SMALL_MOUNT, 0755);
	if (mount("sc", SMALL_MOUNT, "tmpfs", 0, options))
		return errno;
	err = sc_create_file(seg, SMALL_MOUNT "/file", sc_extent());
	if (err)
		return err;
	seg->addr = sc_map_segment(seg, PROT_READ | PROT_WRITE);
	sc_fill_page(seg->addr, SC_SEED, 0);
	return 0;
}

SC_TEST(no_space)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%zu", sc_extent() - sc_page());
	ASSERT_EQ(0, on_small_mount(&self->seg, options));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_NO_SPACE, ENOSPC, self->seg.addr);
	sc_destroy(&self->seg);
	EXPECT_EQ(0, umount(SMALL_MOUNT));
}

SC_TEST(no_quota)
{
	char options[64];
	int err;

	/* It binds nobody who is root; the file's owner is charged. */
	snprintf(options, sizeof(options), "usrquota,usrquota_block_hardlimit=%zu",
		 sc_extent() - sc_page());
	err = on_small_mount(&self->seg, options);
	if (err)
		SKIP(return, "no quotas in tmpfs: %s", strerror(err));
	ASSERT_EQ(0, fchown(self->seg.fd, 65534, 65534));
	ASSERT_EQ(0, sc_drop_cap(24 /* CAP_SYS_RESOURCE */));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_NO_QUOTA, EDQUOT, self->seg.addr);
	sc_destroy(&self->seg);
	EXPECT_EQ(0, umount(SMALL_MOUNT));
}

/* --- holes ----------------------------------------------------------------------------------- */

/* A segment of @extents of which only the first page of each is there. */
static int sparse(struct sc_segment *seg, size_t extents)
{
	int err = sc_create(seg, SC_TMPFS, extents);
	size_t i;

	if (err)
		return err;
	seg->addr = sc_map_segment(seg, PROT_READ | PROT_WRITE);
	for (i = 0; i < extents; i++)
		sc_fill_page(seg->addr + i * sc_extent(), SC_SEED, i * sc_nr());
	return 0;
}

SC_TEST(empty)
{
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_OUTCOME(SHMEM_COLLAPSE_EMPTY, ENODATA, self->seg.addr);
}

SC_TEST(holes_below_a_writable_mapping)
{
	struct stat st;

	ASSERT_EQ(0, sparse(&self->seg, 1));
	ASSERT_EQ(0, sc_knob_set_number("max_ptes_none", sc_nr() - 2));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_TOO_MANY_HOLES, EBUSY, self->seg.addr);
	ASSERT_EQ(0, sc_defaults());
	EXPECT_COLLAPSED(self->seg.addr);
	ASSERT_EQ(0, fstat(self->seg.fd, &st));
	EXPECT_EQ(sc_extent(), st.st_blocks * 512ull);
	EXPECT_TRUE(sc_page_is(self->seg.addr, SC_SEED, 0));
	EXPECT_TRUE(sc_page_is_zero(self->seg.addr + sc_page()));
}

/* Mappings through which the file cannot be written, one way or another. */
SC_TEST(holes_below_other_mappings)
{
	static const struct {
		const char *what;
		int open, prot, flags;
	} view[] = {
		{ "descriptor for reading", O_RDONLY, PROT_READ, MAP_SHARED },
		{ "mapped for reading", O_RDWR, PROT_READ, MAP_SHARED },
		{ "no access", O_RDWR, PROT_NONE, MAP_SHARED },
		{ "private", O_RDWR, PROT_READ | PROT_WRITE, MAP_PRIVATE },
		{ "private, for reading", O_RDONLY, PROT_READ, MAP_PRIVATE },
	};
	size_t i;
	char *at;
	int fd;

	ASSERT_EQ(0, sparse(&self->seg, 1));
	for (i = 0; i < ARRAY_SIZE(view); i++) {
		TH_LOG("%s", view[i].what);
		fd = open(self->seg.path, view[i].open | O_CLOEXEC);
		ASSERT_LE(0, fd);
		at = sc_map(fd, sc_extent(), view[i].prot, view[i].flags, 0);
		ASSERT_NE(MAP_FAILED, at);
		EXPECT_OUTCOME(SHMEM_COLLAPSE_TOO_MANY_HOLES, EBUSY, at);
		munmap(at, sc_extent());
		close(fd);
	}
	EXPECT_GROWN(0, "holes_filled");
	EXPECT_TRUE(sc_page_is(self->seg.addr, SC_SEED, 0));
}

SC_TEST(holes_below_a_half_that_cannot_be_written)
{
	ASSERT_EQ(0, sparse(&self->seg, 1));
	ASSERT_EQ(0, mprotect(self->seg.addr + sc_extent() / 2, sc_extent() / 2, PROT_READ));
	EXPECT_OUTCOME(SHMEM_COLLAPSE_TOO_MANY_HOLES, EBUSY, self->seg.addr);
}

/* Where there is no hole a reader may. */
SC_TEST(full_extent_of_a_reader)
{
	char *at;
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 1, SC_SEED));
	fd = open(self->seg.path, O_RDONLY | O_CLOEXEC);
	at = sc_map(fd, sc_extent(), PROT_READ, MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, at);
	EXPECT_COLLAPSED(at);
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(at, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	munmap(at, sc_extent());
	close(fd);
}

/* --- control groups -------------------------------------------------------------------------- */

/* -> the errno of a request for all of the mapping */
static long op_ask(struct sc_child *child, const long *arg)
{
	int fd = sc_device();
	struct sc_told told = sc_tell(fd, child->addr, child->len);

	close(fd);
	return told.err;
}

static long op_fill_pages(struct sc_child *child, const long *arg)
{
	sc_fill(child->addr, arg[0] * sc_page(), SC_SEED, 0);
	return 0;
}

SC_TEST(memcg_limit)
{
	char group[128], file[200], limit[32];
	struct sc_mapper m;

	if (sc_cgroup_create(group, sizeof(group), "sc-device"))
		SKIP(return, "no memory control groups");
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_cgroup_enter(group, m.pid));
	ASSERT_EQ(0, sc_call(&m, op_fill_pages, sc_nr(), 0, 0, 0));
	EXPECT_EQ((long long)sc_extent(), sc_cgroup_settles(group, "shmem", sc_extent()));
	snprintf(file, sizeof(file), "%s/memory.max", group);
	snprintf(limit, sizeof(limit), "%zu", 2 * sc_extent() - sc_extent() / 8);
	ASSERT_EQ(0, sc_write_file(file, limit));
	EXPECT_ERRNO(ENOMEM, sc_call(&m, op_ask, 0, 0, 0, 0));
	EXPECT_GROWN(1, "failed_memcg_limit");
	sc_kill(&m, 1);
	sc_destroy(&self->seg);
	sc_cgroup_remove(group);
}

TEST_HARNESS_MAIN
