// SPDX-License-Identifier: GPL-2.0
/* Extents that are in use in ways which forbid a collapse now: pins, poison. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
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

SC_TEST(H15_page_pinned_by_io_uring)
{
	int fd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	fd = sc_register_buffer(self->seg.addr + 33 * sc_page(), sc_page());
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
	fd = sc_register_buffer(self->seg.addr + sc_extent(), sc_page());
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
	int buf;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	if (!sc_has_udmabuf())
		SKIP(return, "/dev/udmabuf: %s", strerror(errno));
	ASSERT_EQ(0, sc_udmabuf_seal(&self->seg));
	buf = sc_udmabuf(&self->seg, 2, 2);
	ASSERT_LE(0, buf);
	EXPECT_FAILS_CLEANLY(EAGAIN, "failed_pinned");
	close(buf);
	EXPECT_WORKS_AFTERWARDS();
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
