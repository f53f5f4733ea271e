// SPDX-License-Identifier: GPL-2.0
/* Memory that a userfaultfd watches: events are neither lost nor made up. */
#include "fixture.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

/* Newer than the headers that programs are built with. */
#ifndef UFFD_FEATURE_RWP
#define UFFD_FEATURE_RWP		(1 << 17)
#define UFFDIO_REGISTER_MODE_RWP	((uint64_t)1 << 3)
#define UFFD_PAGEFAULT_FLAG_RWP		(1 << 3)
#define UFFDIO_RWPROTECT_MODE_RWP	((uint64_t)1 << 0)
struct uffdio_rwprotect {
	struct uffdio_range range;
	uint64_t mode;
};
#define UFFDIO_RWPROTECT		_IOWR(UFFDIO, 0x09, struct uffdio_rwprotect)
#endif

/* Waits up to three seconds for an event; its address, or 0. */
static unsigned long uffd_event(int fd, uint64_t *flags)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&p, 1, 3000) != 1 || read(fd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		return 0;
	*flags = msg.arg.pagefault.flags;
	return msg.arg.pagefault.address;
}

/*
 * A process that touches the parent's memory from outside, so that only it is stopped by an event.
 * It must not hold the descriptor open: closing it is what lets everybody go on.
 */
static pid_t touch_from_outside(int fd, void *at, bool write)
{
	pid_t pid = sc_fork();

	if (!pid) {
		uint64_t value = 4711;
		struct iovec here = { .iov_base = &value, .iov_len = sizeof(value) };
		struct iovec there = { .iov_base = at, .iov_len = sizeof(value) };
		ssize_t n;

		close(fd);
		if (write)
			n = process_vm_writev(getppid(), &here, 1, &there, 1, 0);
		else
			n = process_vm_readv(getppid(), &here, 1, &there, 1, 0);
		_exit(n != sizeof(value));
	}
	return pid;
}

SC_TEST(H10_hole_watched_by_userfaultfd)
{
	struct sc_account before, after;
	uint64_t flags;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill(self->seg.addr, sc_extent() / 2, SC_SEED, 0);
	fd = sc_uffd_watch(0, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));

	sc_account(&before, self->seg.fd, getpid(), NULL);
	EXPECT_ERRNO(EBUSY, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_ERRNO(EBUSY, sc_collapsef("%s", self->seg.path));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	/* Pages that were unmapped meanwhile come back by a fault. */
	after.rss = before.rss;
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_GROWN(2, "failed_uffd_missing");

	/* The event is still delivered. */
	pid = touch_from_outside(fd, self->seg.addr + sc_extent() - sc_page(), false);
	EXPECT_EQ((unsigned long)self->seg.addr + sc_extent() - sc_page(),
		  uffd_event(fd, &flags) & ~(sc_page() - 1));
	close(fd);
	EXPECT_EQ(0, sc_join(pid));
	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 50));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent() / 2, SC_SEED, 0));
}

/* Without a hole nobody loses an event. */
SC_TEST(H10_full_extent_watched_by_userfaultfd)
{
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	fd = sc_uffd_watch(0, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(1, "collapsed");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	close(fd);
}

/* A page protected by userfaultfd must still stop a writer after the collapse. */
static void stops_a_writer(struct __test_metadata *_metadata, struct _test_data_collapse *self,
			   const char *map_all)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	uint64_t flags = 0;
	char *view, *page;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, sc_knob_set("map_all", map_all));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	fd = sc_uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, view, self->seg.len,
			UFFDIO_REGISTER_MODE_WP);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	page = view + 9 * sc_page();
	wp.range.start = (unsigned long)page;
	wp.range.len = sc_page();
	ASSERT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &wp));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "extents");
	EXPECT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));

	pid = touch_from_outside(fd, page, true);
	EXPECT_EQ((unsigned long)page, uffd_event(fd, &flags) & ~(sc_page() - 1));
	EXPECT_TRUE(flags & UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_TRUE(sc_page_is(page, SC_SEED, 9));
	wp.mode = 0;
	EXPECT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	EXPECT_EQ(0, sc_join(pid));
	EXPECT_EQ(4711, *(uint64_t *)page);
	close(fd);
	munmap(view, self->seg.len);
}

SC_TEST(H3_write_protection_by_userfaultfd)
{
	stops_a_writer(_metadata, self, "1");
}

/* There a marker takes the place of the entry. */
SC_TEST(H3_write_protection_without_map_all)
{
	stops_a_writer(_metadata, self, "0");
}

/* Protects a page from every access, or lets it go. */
static int protect_access(int fd, char *page, bool protect)
{
	struct uffdio_rwprotect rwp = {
		.range = { .start = (unsigned long)page, .len = sc_page() },
		.mode = protect ? UFFDIO_RWPROTECT_MODE_RWP : 0,
	};

	return ioctl(fd, UFFDIO_RWPROTECT, &rwp);
}

/* Whether a reader of the page, which is then let go, was stopped. */
static bool stops_readers(int fd, char *page)
{
	pid_t pid = touch_from_outside(fd, page, false);
	uint64_t flags = 0;
	bool stopped = (uffd_event(fd, &flags) & ~(sc_page() - 1)) == (unsigned long)page &&
		       (flags & UFFD_PAGEFAULT_FLAG_RWP);

	protect_access(fd, page, false);
	return sc_join(pid) ? false : stopped;
}

/* Protection from reading stays with the page, unless nothing is to be mapped. */
SC_TEST(access_protection_by_userfaultfd)
{
	char *view, *page, *other;
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	fd = sc_uffd_watch(UFFD_FEATURE_RWP, view, self->seg.len, UFFDIO_REGISTER_MODE_RWP);
	if (fd < 0)
		SKIP(return, "userfaultfd for reads: %s", strerror(errno));
	page = view + 9 * sc_page();
	other = page + sc_extent();
	ASSERT_EQ(0, protect_access(fd, page, true));
	ASSERT_EQ(0, protect_access(fd, other, true));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_TRUE(stops_readers(fd, other));
	EXPECT_TRUE(stops_readers(fd, page));
	EXPECT_TRUE(sc_page_is(page, SC_SEED, 9));
	EXPECT_EQ(0, protect_access(fd, page, true));
	EXPECT_TRUE(stops_readers(fd, page));
	/* The kernel drops it with an entry that it clears, and so does a request. */
	EXPECT_EQ(0, protect_access(fd, other, true));
	ASSERT_EQ(0, sc_knob_set("map_all", "0"));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr + sc_extent(), sc_extent()));
	EXPECT_TRUE(sc_page_is(other, SC_SEED, 9 + sc_nr()));
	EXPECT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	close(fd);
	munmap(view, self->seg.len);
}

/* Who asks for memory that is protected is refused. */
SC_TEST(protected_memory_asked_for)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	fd = sc_uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, self->seg.addr, self->seg.len,
			UFFDIO_REGISTER_MODE_WP);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	wp.range.start = (unsigned long)self->seg.addr;
	wp.range.len = sc_page();
	ASSERT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	EXPECT_ERRNO(EBUSY, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "failed_uffd_armed");
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	close(fd);
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
}

/* Nothing is installed where a minor event is awaited. */
SC_TEST(H25_minor_events_of_userfaultfd)
{
	uint64_t flags = 0;
	char *view;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	fd = sc_uffd_watch(UFFD_FEATURE_MINOR_SHMEM, view, self->seg.len,
			UFFDIO_REGISTER_MODE_MINOR);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	sc_collapse(getpid(), self->seg.addr, self->seg.len);
	EXPECT_GROWN(1, "extents");
	EXPECT_EQ(0, sc_present(getpid(), view, self->seg.len));
	pid = touch_from_outside(fd, view, false);
	EXPECT_EQ((unsigned long)view, uffd_event(fd, &flags) & ~(sc_page() - 1));
	EXPECT_TRUE(flags & UFFD_PAGEFAULT_FLAG_MINOR);
	close(fd);
	EXPECT_EQ(0, sc_join(pid));
	EXPECT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	munmap(view, self->seg.len);
}

/* UFFDIO_COPY puts an anonymous page into a private mapping without a word to the file. */
SC_TEST(H1_page_copied_in_by_userfaultfd)
{
	struct uffdio_copy copy = {};
	char *view, *page;
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	page = mmap(NULL, sc_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sc_fill_page(page, 9, 9);
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	fd = sc_uffd_watch(0, view, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	copy.dst = (unsigned long)view + 4 * sc_page();
	copy.src = (unsigned long)page;
	copy.len = sc_page();
	ASSERT_EQ(0, ioctl(fd, UFFDIO_COPY, &copy));
	close(fd);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_TRUE(sc_page_is(view + 4 * sc_page(), 9, 9));
	EXPECT_EQ(0, sc_verify(view, 4 * sc_page(), SC_SEED, 0));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	munmap(view, self->seg.len);
	munmap(page, sc_page());
}

/* --- markers that outlive their registration --------------------------------------------------- */

/* Poisons a page of @view, where nothing may be mapped, and lets the registration go. */
static int poison_and_leave(char *view, size_t len, char *page)
{
	struct uffdio_poison poison = {
		.range = { .start = (unsigned long)page, .len = sc_page() },
	};
	int err = 0, fd = sc_uffd_watch(UFFD_FEATURE_POISON, view, len, UFFDIO_REGISTER_MODE_MISSING);

	if (fd < 0)
		return errno;
	if (ioctl(fd, UFFDIO_POISON, &poison))
		err = errno;
	close(fd);
	return err;
}

/* Whether a page can be read; the answer of a poisoned one would be a signal. */
static bool readable(void *at)
{
	uint64_t value;
	struct iovec here = { .iov_base = &value, .iov_len = sizeof(value) };
	struct iovec there = { .iov_base = at, .iov_len = sizeof(value) };

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == sizeof(value);
}

SC_TEST(H26_marker_among_pages)
{
	char *view, *page;
	int err;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	page = view + 77 * sc_page();
	err = poison_and_leave(view, self->seg.len, page);
	if (err)
		SKIP(return, "UFFDIO_POISON: %s", strerror(err));
	EXPECT_EQ(0, sc_verify(view, 77 * sc_page(), SC_SEED, 0));
	ASSERT_FALSE(readable(page));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_FALSE(readable(page));
	EXPECT_EQ(0, sc_verify(view, 77 * sc_page(), SC_SEED, 0));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	munmap(view, self->seg.len);
}

SC_TEST(H26_marker_alone)
{
	char *view, *page;
	int err;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	page = view + 77 * sc_page();
	err = poison_and_leave(view, self->seg.len, page);
	if (err)
		SKIP(return, "UFFDIO_POISON: %s", strerror(err));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_FALSE(readable(page));
	EXPECT_EQ(0, sc_verify(view, 77 * sc_page(), SC_SEED, 0));
	/* Not when it is huge already either, where this mapping alone is left in small pieces. */
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "already_huge");
	EXPECT_FALSE(readable(page));
	munmap(view, self->seg.len);
}

TEST_HARNESS_MAIN
