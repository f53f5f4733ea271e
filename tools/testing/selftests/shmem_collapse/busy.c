// SPDX-License-Identifier: GPL-2.0
/* Extents that are in use in ways which forbid a collapse now: pins, userfaultfd, poison. */
#include "fixture.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/udmabuf.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

/* Refused with @error for the reason @statistic, nothing lost or leaked, data right. */
#define EXPECT_FAILS_CLEANLY(error, statistic) do { \
	struct sc_account __before, __after; \
	sc_account(&__before, self->seg.fd, getpid(), NULL); \
	EXPECT_ERRNO(error, sc_collapse(getpid(), self->seg.addr, self->seg.len)); \
	sc_account(&__after, self->seg.fd, getpid(), NULL); \
	EXPECT_UNCHANGED(&__before, &__after); \
	EXPECT_GROWN(1, statistic); \
	EXPECT_GROWN(0, "collapsed"); \
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0)); \
} while (0)

#define EXPECT_WORKS_AFTERWARDS() do { \
	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 50)); \
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len)); \
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0)); \
} while (0)

SC_TEST(H15_page_in_a_pipe)
{
	struct iovec page;
	int fds[2];

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, pipe(fds));
	page.iov_base = self->seg.addr + 17 * sc_page();
	page.iov_len = sc_page();
	ASSERT_EQ((ssize_t)sc_page(), vmsplice(fds[1], &page, 1, 0));
	/* A plain reference: it might go any moment, so it is not called a pin. */
	EXPECT_ERRNO(EAGAIN, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "failed");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	close(fds[0]);
	close(fds[1]);
	EXPECT_WORKS_AFTERWARDS();
}

/* What is in the pipe is the old page: a collapse must not leave two versions of it. */
SC_TEST(H15_page_in_a_pipe_stays_the_file)
{
	struct iovec page;
	uint64_t word;
	int fds[2];

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, pipe(fds));
	page.iov_base = self->seg.addr;
	page.iov_len = sizeof(word);
	ASSERT_EQ((ssize_t)sizeof(word), vmsplice(fds[1], &page, 1, 0));
	sc_collapse(getpid(), self->seg.addr, self->seg.len);
	__atomic_store_n((uint64_t *)self->seg.addr, 4711, __ATOMIC_SEQ_CST);
	ASSERT_EQ((ssize_t)sizeof(word), read(fds[0], &word, sizeof(word)));
	EXPECT_EQ(4711, word);
	close(fds[0]);
	close(fds[1]);
}

static int register_buffer(void *addr, size_t len)
{
	struct io_uring_params params = {};
	struct iovec buffer = { .iov_base = addr, .iov_len = len };
	int fd = syscall(SYS_io_uring_setup, 1, &params);

	if (fd >= 0 && syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &buffer, 1)) {
		close(fd);
		return -1;
	}
	return fd;
}

SC_TEST(H15_page_pinned_by_io_uring)
{
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	fd = register_buffer(self->seg.addr + 33 * sc_page(), sc_page());
	if (fd < 0)
		SKIP(return, "io_uring cannot register a buffer: %s", strerror(errno));
	EXPECT_FAILS_CLEANLY(EAGAIN, "failed_pinned");
	close(fd);
	EXPECT_WORKS_AFTERWARDS();
}

/* A pin concerns its own extent only. */
SC_TEST(H15_pin_in_one_of_three_extents)
{
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 3, SC_SEED));
	fd = register_buffer(self->seg.addr + sc_extent(), sc_page());
	if (fd < 0)
		SKIP(return, "io_uring cannot register a buffer: %s", strerror(errno));
	EXPECT_ERRNO(EAGAIN, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(2, "collapsed");
	EXPECT_GROWN(1, "failed_pinned");
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr + sc_extent(), sc_extent()));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr + 2 * sc_extent(), sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	close(fd);
}

SC_TEST(H23_pages_pinned_by_udmabuf)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC };
	int dev, buf;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		SKIP(return, "/dev/udmabuf: %s", strerror(errno));
	ASSERT_EQ(0, fcntl(self->seg.fd, F_ADD_SEALS, F_SEAL_SHRINK));
	create.memfd = self->seg.fd;
	create.offset = 2 * sc_page();
	create.size = 2 * sc_page();
	buf = ioctl(dev, UDMABUF_CREATE, &create);
	ASSERT_LE(0, buf);
	EXPECT_FAILS_CLEANLY(EAGAIN, "failed_pinned");
	close(buf);
	close(dev);
	EXPECT_WORKS_AFTERWARDS();
}

/* --- userfaultfd ----------------------------------------------------------------------------- */

static int uffd_open(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int uffd_register(int fd, void *addr, size_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { .start = (unsigned long)addr, .len = len }, .mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg);
}

/* Waits up to a second for an event; its address, or 0. */
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

/* The descriptor, or -1 with errno. */
static int uffd_watch(uint64_t features, void *addr, size_t len, uint64_t mode)
{
	int fd = uffd_open(features);

	if (fd >= 0 && uffd_register(fd, addr, len, mode)) {
		close(fd);
		return -1;
	}
	return fd;
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
	fd = uffd_watch(0, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
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
	fd = uffd_watch(0, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(1, "collapsed");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	close(fd);
}

/* A page protected by userfaultfd must still stop a writer after the collapse. */
SC_TEST(H3_write_protection_by_userfaultfd)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	uint64_t flags = 0;
	char *view, *page;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	fd = uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, view, self->seg.len,
			UFFDIO_REGISTER_MODE_WP);
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	page = view + 9 * sc_page();
	wp.range.start = (unsigned long)page;
	wp.range.len = sc_page();
	ASSERT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &wp));

	/* Collapsed or not, data and protection stay. */
	sc_collapse(getpid(), self->seg.addr, self->seg.len);
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

/* Nothing is installed where a minor event is awaited. */
SC_TEST(H25_minor_events_of_userfaultfd)
{
	uint64_t flags = 0;
	char *view;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	fd = uffd_watch(UFFD_FEATURE_MINOR_SHMEM, view, self->seg.len,
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
	fd = uffd_watch(0, view, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
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

/* --- hardware poison ------------------------------------------------------------------------- */

static void nothing(int signal)
{
}

SC_TEST(H13_H24_poisoned_page)
{
	struct sc_account before, after;
	char *bad;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	bad = self->seg.addr + 21 * sc_page();
	/* The kernel tells those who map the page at once. */
	signal(SIGBUS, nothing);
	if (madvise(bad, sc_page(), MADV_HWPOISON))
		SKIP(return, "MADV_HWPOISON: %s", strerror(errno));
	sc_account(&before, self->seg.fd, getpid(), NULL);
	EXPECT_ERRNO(EHWPOISON, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_ERRNO(EHWPOISON, sc_collapsef("%s,0,%zu", self->seg.path, sc_nr()));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_GROWN(2, "failed_poisoned");
	/* The poison stays where it is, and the pages around it stay right. */
	EXPECT_EQ(-1, pread(self->seg.fd, &before, 8, 21 * sc_page()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, 21 * sc_page(), SC_SEED, 0));
	EXPECT_EQ(0, sc_verify(bad + sc_page(), sc_extent() - 22 * sc_page(), SC_SEED, 22));
	/* The other extent is healthy. */
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr + sc_extent(), sc_extent()));
}

TEST_HARNESS_MAIN
