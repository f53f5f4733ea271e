// SPDX-License-Identifier: GPL-2.0
/* Extents with holes, at and beyond the end of the file, and file systems that are full. */
#include "fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static long long blocks(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (long long)st.st_blocks * 512;
}

static char *page_at(struct sc_segment *seg, size_t index)
{
	return seg->addr + index * sc_page();
}

/* A mapped segment in which only every @step-th page exists. */
static int sparse(struct sc_segment *seg, enum sc_kind kind, size_t extents, size_t step)
{
	int err = sc_create(seg, kind, extents);
	size_t i;

	if (err)
		return err;
	seg->addr = sc_map_segment(seg, PROT_READ | PROT_WRITE);
	if (seg->addr == MAP_FAILED)
		return errno;
	for (i = 0; i < seg->len / sc_page(); i += step)
		sc_fill_page(page_at(seg, i), SC_SEED, i);
	return 0;
}

/* Pages that are neither as written nor, in a former hole, zero. */
static size_t wrong_pages(struct sc_segment *seg, size_t step)
{
	size_t wrong = 0;
	size_t i;

	for (i = 0; i < seg->len / sc_page(); i++)
		wrong += i % step ? !sc_page_is_zero(page_at(seg, i)) :
				    !sc_page_is(page_at(seg, i), SC_SEED, i);
	return wrong;
}

FIXTURE(sparse)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_VARIANT(sparse)
{
	size_t step;		/* 0: one page per extent */
};

FIXTURE_VARIANT_ADD(sparse, every_second_page)
{
	.step = 2,
};

FIXTURE_VARIANT_ADD(sparse, every_seventh_page)
{
	.step = 7,
};

FIXTURE_VARIANT_ADD(sparse, one_page)
{
	.step = 0,
};

FIXTURE_SETUP(sparse)
{
	SC_SETUP();
}

FIXTURE_TEARDOWN(sparse)
{
	SC_TEARDOWN();
}

TEST_F_TIMEOUT(sparse, filled_with_zeros, SC_TIMEOUT)
{
	size_t step = variant->step ?: sc_nr();
	size_t present = (2 * sc_nr() + step - 1) / step;
	long long shmem;

	ASSERT_EQ(0, sparse(&self->seg, SC_MEMFD, 2, step));
	ASSERT_EQ((long long)(present * sc_page()), blocks(self->seg.fd));
	shmem = sc_meminfo("Shmem");
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, wrong_pages(&self->seg, step));
	EXPECT_EQ((long long)self->seg.len, blocks(self->seg.fd));
	EXPECT_EQ(shmem + (long long)(self->seg.len - present * sc_page()), sc_meminfo("Shmem"));
	EXPECT_GROWN(2 * sc_nr() - present, "holes_filled");
}

TEST_F_TIMEOUT(sparse, all_is_given_back, SC_TIMEOUT)
{
	size_t step = variant->step ?: sc_nr();
	long long shmem = sc_meminfo("Shmem");
	struct sc_mapper m[2];
	struct statfs fs;
	unsigned long long free_before;

	ASSERT_EQ(0, statfs("/dev/shm", &fs));
	free_before = fs.f_bfree;
	ASSERT_EQ(0, sparse(&self->seg, SC_TMPFS, 2, step));
	ASSERT_EQ(0, sc_spawn_n(m, 2, &self->seg, SC_UNRELATED));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, wrong_pages(&self->seg, step));
	EXPECT_EQ(0, ftruncate(self->seg.fd, 0));
	EXPECT_EQ(0, blocks(self->seg.fd));
	sc_kill(m, 2);
	sc_destroy(&self->seg);
	EXPECT_EQ(0, statfs("/dev/shm", &fs));
	EXPECT_EQ(free_before, (unsigned long long)fs.f_bfree);
	EXPECT_EQ(shmem, sc_meminfo("Shmem"));
}

SC_TEST(empty_extent)
{
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_ERRNO(ENODATA, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, blocks(self->seg.fd));
	EXPECT_GROWN(1, "failed_empty");
}

SC_TEST(empty_extent_by_path)
{
	ASSERT_EQ(0, sc_create(&self->seg, SC_TMPFS, 2));
	ASSERT_ERRNO(ENODATA, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(0, blocks(self->seg.fd));
	EXPECT_GROWN(2, "failed_empty");
}

SC_TEST(truncated_extent)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, ftruncate(self->seg.fd, sc_extent()));
	ASSERT_ERRNO(ENODATA, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
	EXPECT_EQ((long long)sc_extent(), blocks(self->seg.fd));
}

SC_TEST(punched_holes)
{
	size_t i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	for (i = 1; i < sc_nr(); i += 2)
		ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       i * sc_page(), sc_page()));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, wrong_pages(&self->seg, 2));
	EXPECT_GROWN(sc_nr() / 2, "holes_filled");
}

/* Pages that fallocate() reserved were never written; they are no holes and read as zeros. */
SC_TEST(preallocated_pages)
{
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	ASSERT_EQ(0, fallocate(self->seg.fd, 0, 0, self->seg.len));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill_page(page_at(&self->seg, 0), SC_SEED, 0);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, wrong_pages(&self->seg, sc_nr()));
	EXPECT_EQ((long long)self->seg.len, blocks(self->seg.fd));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(0, "holes_filled");
}

/* A file of @pages that are there, and @more behind its end that fallocate() has reserved. */
static int preallocate(struct sc_segment *seg, size_t pages, size_t more)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/dev/shm/sc-beyond-%d", getpid());
	err = sc_create_file(seg, path, pages * sc_page());
	if (err)
		return err;
	seg->addr = sc_map(seg->fd, sc_extent(), PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (more && fallocate(seg->fd, FALLOC_FL_KEEP_SIZE, 0, (pages + more) * sc_page()))
		return errno;
	sc_fill(seg->addr, pages * sc_page(), SC_SEED, 0);
	return 0;
}

/* The reserved pages stay, and are zeroes when the file grows over them. */
#define EXPECT_ZEROES_BEYOND(pages) do { \
	EXPECT_EQ(0, sc_verify(self->seg.addr, (pages) * sc_page(), SC_SEED, 0)); \
	EXPECT_EQ((long long)sc_extent(), blocks(self->seg.fd)); \
	ASSERT_EQ(0, ftruncate(self->seg.fd, sc_extent())); \
	EXPECT_EQ(0, wrong_pages_from(&self->seg, pages)); \
	munmap(self->seg.addr, sc_extent()); \
	self->seg.addr = NULL; \
} while (0)

static size_t wrong_pages_from(struct sc_segment *seg, size_t first)
{
	size_t i, wrong = 0;

	for (i = first; i < sc_nr(); i++)
		wrong += !sc_page_is_zero(page_at(seg, i));
	return wrong;
}

#define COLLAPSE_FIRST() \
	ASSERT_ERRNO(0, sc_collapsef("%s,0,%zu", self->seg.path, sc_nr()))

SC_TEST(H34_preallocated_beyond_the_end)
{
	size_t half = sc_nr() / 2;

	ASSERT_EQ(0, preallocate(&self->seg, half, half));
	COLLAPSE_FIRST();
	EXPECT_GROWN(1, "collapsed");
	EXPECT_GROWN(0, "holes_filled");
	EXPECT_ZEROES_BEYOND(half);
}

SC_TEST(H34_one_page_preallocated_beyond_the_end)
{
	size_t half = sc_nr() / 2;

	ASSERT_EQ(0, preallocate(&self->seg, half, 1));
	COLLAPSE_FIRST();
	EXPECT_GROWN(half - 1, "holes_filled");
	EXPECT_ZEROES_BEYOND(half);
}

/* The file is empty, but has pages: that is not "empty". */
SC_TEST(H34_nothing_but_preallocated)
{
	ASSERT_EQ(0, preallocate(&self->seg, 0, sc_nr()));
	COLLAPSE_FIRST();
	EXPECT_ZEROES_BEYOND(0ul);
}

/* What was reserved can be swapped out before the file gets there. */
SC_TEST(H34_swapped_out_beyond_the_end)
{
	size_t half = sc_nr() / 2;
	char group[128], file[200];
	long long swapped = 0;
	const char *reason;
	pid_t pid;
	int tries;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	if (sc_cgroup_create(group, sizeof(group), "sc-beyond"))
		SKIP(return, "no memory control groups");
	ASSERT_EQ(0, preallocate(&self->seg, half, 0));
	/* Only these pages are the group's, and leave memory with it. */
	pid = sc_fork();
	if (!pid)
		_exit(sc_cgroup_enter(group, getpid()) ?:
		      fallocate(self->seg.fd, FALLOC_FL_KEEP_SIZE, 0, sc_extent()) ? 1 : 0);
	ASSERT_EQ(0, sc_join(pid));
	for (tries = 0; tries < 20 && swapped < (long long)half; tries++) {
		sc_write_file("/proc/sys/vm/drop_caches", "1");
		snprintf(file, sizeof(file), "%s/memory.reclaim", group);
		sc_write_file(file, "64M");
		snprintf(file, sizeof(file), "%s/memory.swap.current", group);
		swapped = sc_read_number(file) / (long long)sc_page();
	}
	ASSERT_EQ((long long)half, swapped);
	COLLAPSE_FIRST();
	EXPECT_GROWN(half, "pages_swapped_in");
	EXPECT_GROWN(0, "holes_filled");
	EXPECT_EQ(0, sc_read_number(file));
	EXPECT_ZEROES_BEYOND(half);
	sc_destroy(&self->seg);
	sc_cgroup_remove(group);
}

/* The file ends inside its last extent: whatever becomes of it, nothing may be lost or leak. */
SC_TEST(H34_end_of_file_inside_an_extent)
{
	size_t len = sc_extent() + sc_extent() / 2;
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/dev/shm/sc-eof-%d", getpid());
	ASSERT_EQ(0, sc_create_file(&self->seg, path, len));
	self->seg.addr = sc_map(self->seg.fd, 2 * sc_extent(), PROT_READ | PROT_WRITE,
				MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, self->seg.addr);
	sc_fill(self->seg.addr, len, SC_SEED, 0);
	err = sc_collapse(getpid(), self->seg.addr, 2 * sc_extent());
	EXPECT_EQ(0, sc_verify(self->seg.addr, len, SC_SEED, 0));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	if (!err) {
		EXPECT_GROWN(2, "collapsed");
		EXPECT_EQ(2 * (long)sc_nr(), sc_huge_mapped(getpid(), self->seg.addr,
			  2 * sc_extent()) * (long)sc_nr());
	} else {
		EXPECT_GROWN(1, "failed");
		EXPECT_EQ((long long)len, blocks(self->seg.fd));
	}
	/* The tail reads as zeros when the file grows over it. */
	EXPECT_EQ(0, ftruncate(self->seg.fd, 2 * sc_extent()));
	EXPECT_TRUE(sc_page_is_zero(self->seg.addr + 2 * sc_extent() - sc_page()));
	EXPECT_EQ(0, ftruncate(self->seg.fd, 0));
	EXPECT_EQ(0, blocks(self->seg.fd));
	munmap(self->seg.addr, 2 * sc_extent());
	self->seg.addr = NULL;
}

/* What was filled beyond the end is the first thing that goes when memory is short. */
SC_TEST(H34_memory_beyond_the_end_is_given_back)
{
	size_t len = sc_extent() + sc_extent() / 2;
	char path[64];
	int tries;

	snprintf(path, sizeof(path), "/dev/shm/sc-tail-%d", getpid());
	ASSERT_EQ(0, sc_create_file(&self->seg, path, len));
	self->seg.addr = sc_map(self->seg.fd, 2 * sc_extent(), PROT_READ | PROT_WRITE,
				MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, self->seg.addr);
	sc_fill(self->seg.addr, len, SC_SEED, 0);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, 2 * sc_extent()));
	EXPECT_EQ(2 * (long long)sc_extent(), blocks(self->seg.fd));
	/* Shrinkers run as they do when memory is short. */
	for (tries = 0; tries < 10 && blocks(self->seg.fd) > (long long)len; tries++)
		ASSERT_EQ(0, sc_write_file("/proc/sys/vm/drop_caches", "2"));
	EXPECT_EQ((long long)len, blocks(self->seg.fd));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, len, SC_SEED, 0));
	munmap(self->seg.addr, 2 * sc_extent());
	self->seg.addr = NULL;
}

static sigjmp_buf on_the_way_out;

static void bus_error(int signal)
{
	siglongjmp(on_the_way_out, 1);
}

static bool writable(char *at)
{
	if (sigsetjmp(on_the_way_out, 1))
		return false;
	*(volatile char *)at = 'X';
	return true;
}

/* What a program sees behind the end of a file. */
struct behind {
	int err;
	bool before, after;	/* whether it could be written to */
	char found;		/* in the file, once it has grown */
};

static int look_behind(struct behind *b, bool by_kernel)
{
	size_t len = sc_extent() / 2, at = len + 5 * sc_page();
	struct sc_segment seg;
	char path[64];

	memset(b, 0, sizeof(*b));
	snprintf(path, sizeof(path), "/dev/shm/sc-behind-%d", getpid());
	if (sc_create_file(&seg, path, len))
		return -1;
	seg.addr = sc_map(seg.fd, sc_extent(), PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (seg.addr == MAP_FAILED)
		return -1;
	sc_fill(seg.addr, len, SC_SEED, 0);
	b->before = writable(seg.addr + at);
	if (by_kernel)
		b->err = madvise(seg.addr, sc_extent(), MADV_COLLAPSE) ? errno : 0;
	else
		b->err = sc_collapse(getpid(), seg.addr, sc_extent());
	b->after = writable(seg.addr + at);
	if (ftruncate(seg.fd, sc_extent()) || pread(seg.fd, &b->found, 1, at) != 1)
		return -1;
	munmap(seg.addr, sc_extent());
	seg.addr = NULL;
	sc_destroy(&seg);
	return 0;
}

/* No SIGBUS in the extent in which the file ends, and what is written there stays. */
SC_TEST(H34_behind_the_end_as_the_kernel_does_it)
{
	struct sigaction action = { .sa_handler = bus_error }, old;
	struct behind kernel, ours;

	ASSERT_EQ(0, sigaction(SIGBUS, &action, &old));
	ASSERT_EQ(0, look_behind(&kernel, true));
	ASSERT_EQ(0, look_behind(&ours, false));
	sigaction(SIGBUS, &old, NULL);
	EXPECT_ERRNO(kernel.err, ours.err);
	EXPECT_EQ(kernel.before, ours.before);
	EXPECT_EQ(kernel.after, ours.after);
	EXPECT_EQ(kernel.found, ours.found);
	/* As the documentation has it. */
	EXPECT_FALSE(ours.before);
	EXPECT_TRUE(ours.after);
	EXPECT_EQ('X', ours.found);
}

SC_TEST(limit_on_holes)
{
	struct sc_account before, after;
	size_t holes = sc_nr() / 2;

	ASSERT_EQ(0, sparse(&self->seg, SC_MEMFD, 1, 2));
	ASSERT_EQ(0, sc_knob_set_number("max_ptes_none", holes - 1));
	sc_account(&before, self->seg.fd, getpid(), NULL);
	ASSERT_ERRNO(EBUSY, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_GROWN(1, "failed_too_many_holes");
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));

	ASSERT_EQ(0, sc_knob_set_number("max_ptes_none", holes));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, wrong_pages(&self->seg, 2));
}

SC_TEST(no_holes_allowed)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_knob_set("max_ptes_none", "0"));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

#define SMALL_MOUNT "/dev/shm/sc-small"

/* A file system that has no room for the holes. */
static int small_mount(size_t bytes)
{
	char options[64];

	mkdir(SMALL_MOUNT, 0755);
	snprintf(options, sizeof(options), "size=%zu", bytes);
	return mount("sc", SMALL_MOUNT, "tmpfs", 0, options) ? errno : 0;
}

SC_TEST(H14_file_system_without_room)
{
	struct sc_account before, after;
	size_t i;

	ASSERT_EQ(0, small_mount(sc_extent() - 4 * sc_page()));
	ASSERT_EQ(0, sc_create_file(&self->seg, SMALL_MOUNT "/file", sc_extent()));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	for (i = 0; i < sc_nr(); i += 2)
		sc_fill_page(page_at(&self->seg, i), SC_SEED, i);

	sc_account(&before, self->seg.fd, getpid(), NULL);
	EXPECT_ERRNO(ENOSPC, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_GROWN(1, "failed_no_space");
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	for (i = 0; i < sc_nr(); i += 2)
		EXPECT_TRUE(sc_page_is(page_at(&self->seg, i), SC_SEED, i));
	sc_destroy(&self->seg);
	EXPECT_EQ(0, umount(SMALL_MOUNT));
}

SC_TEST(file_system_that_is_exactly_full)
{
	ASSERT_EQ(0, small_mount(sc_extent()));
	ASSERT_EQ(0, sc_create_file(&self->seg, SMALL_MOUNT "/file", sc_extent()));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill(self->seg.addr, self->seg.len, SC_SEED, 0);
	/* The copy is not a second file: no room is needed for it. */
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	sc_destroy(&self->seg);
	EXPECT_EQ(0, umount(SMALL_MOUNT));
}

TEST_HARNESS_MAIN
