// SPDX-License-Identifier: GPL-2.0
/* Requests of the administrator through the device, each with an answer of its own. */
#include "answer.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/uio.h>

static ssize_t answer_length(int fd)
{
	char text[SC_MAX_ANSWER];

	return pread(fd, text, sizeof(text), 0);
}

/* --- what is told ---------------------------------------------------------------------------- */

ANSWER_TEST(nothing_before_a_request)
{
	EXPECT_EQ(0, answer_length(self->fd));
	ASSERT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, answer_length(self->fd));
}

ANSWER_TEST(figures_of_the_request)
{
	int i;

	ASSERT_EQ(0, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	ASSERT_EQ(0, sc_stats(&self->before));
	ASSERT_EQ(0, madvise(self->seg.addr + 2 * sc_extent(), sc_extent() / 2, MADV_REMOVE));
	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_ANSWER(EXTENTS, "extents");
	EXPECT_ANSWER(2, "collapsed");
	EXPECT_ANSWER(1, "already_huge");
	EXPECT_ANSWER(0, "failed");
	EXPECT_ANSWER(2, "pmds_mapped");
	EXPECT_ANSWER(sc_nr() / 2, "holes_filled");
	EXPECT_ANSWER(0, "running");
	/* All that the statistics count, and for a single request the same. */
	for (i = 0; i < self->before.count; i++) {
		const char *name = self->before.stat[i].name;

		if (strcmp(name, "requests"))
			EXPECT_ANSWER(sc_grown(&self->before, name), name);
	}
	EXPECT_GROWN(1, "requests");
}

ANSWER_TEST(every_form_of_a_request)
{
	char request[192];

	snprintf(request, sizeof(request), "%s,0,%zu", self->seg.path, sc_nr());
	ASSERT_ERRNO(0, sc_ask(self->fd, request));
	EXPECT_ANSWER(1, "collapsed");
	ASSERT_ERRNO(0, sc_ask(self->fd, self->seg.path));
	EXPECT_ANSWER(EXTENTS - 1, "collapsed");
	EXPECT_ANSWER(1, "already_huge");
	snprintf(request, sizeof(request), "%d\n", getpid());
	ASSERT_ERRNO(0, sc_ask(self->fd, request));
	EXPECT_ANSWER(EXTENTS, "already_huge");
	ASSERT_ERRNO(0, sc_ask(self->fd, "0"));
	EXPECT_ANSWER(EXTENTS, "extents");
	EXPECT_GROWN(4, "requests");
}

ANSWER_TEST(failures)
{
	ASSERT_EQ(0, madvise(self->seg.addr + sc_extent(), sc_extent(), MADV_REMOVE));
	EXPECT_ERRNO(ENODATA, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_ANSWER(EXTENTS, "extents");
	EXPECT_ANSWER(EXTENTS - 1, "collapsed");
	EXPECT_ANSWER(1, "failed");
	EXPECT_ANSWER(1, "failed_empty");
	EXPECT_ANSWER(0, "failed_unmapped");
}

/* What went away is no failure of a request for a process. */
ANSWER_TEST(whole_process_counts_what_it_maps)
{
	char request[32];

	snprintf(request, sizeof(request), "%d", getpid());
	ASSERT_EQ(0, munmap(self->seg.addr + sc_extent(), sc_extent()));
	ASSERT_ERRNO(0, sc_ask(self->fd, request));
	EXPECT_ANSWER(EXTENTS - 1, "extents");
	EXPECT_ANSWER(0, "failed");
}

ANSWER_TEST(many_mappings_are_one_request)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED, times = 100, i;
	size_t x = sc_extent();
	char *at = sc_reserve(EXTENTS * times * x, 0);
	char request[32];

	/* Backwards, so that none goes on from the one before. */
	for (i = 0; i < EXTENTS * times; i++)
		ASSERT_NE(MAP_FAILED, mmap(at + i * x, x, prot, flags, self->seg.fd,
					   (EXTENTS - 1 - i % EXTENTS) * x));
	snprintf(request, sizeof(request), "%d", getpid());
	ASSERT_ERRNO(0, sc_ask(self->fd, request));
	/* One for each place where a process has it; each is made huge once. */
	EXPECT_ANSWER(EXTENTS * (times + 1), "extents");
	EXPECT_ANSWER(EXTENTS, "collapsed");
	EXPECT_ANSWER(EXTENTS * times, "already_huge");
	EXPECT_GROWN(1, "requests");
	for (i = 0; i < EXTENTS * times; i++)
		EXPECT_EQ(0, sc_verify(at + i * x, x, SC_SEED,
				       (EXTENTS - 1 - i % EXTENTS) * sc_nr()));
	/* Wherever one is mapped in small pieces it is mapped huge again. */
	EXPECT_EQ(EXTENTS * times, sc_huge_mapped(getpid(), at, EXTENTS * times * x));
	for (i = 0; i < EXTENTS * times; i++) {
		ASSERT_EQ(0, mprotect(at + i * x, sc_page(), PROT_READ));
		ASSERT_LT(0, sc_touch(at + i * x, x));
		ASSERT_EQ(0, mprotect(at + i * x, sc_page(), prot));
	}
	EXPECT_EQ(0, sc_huge_mapped(getpid(), at, EXTENTS * times * x));
	ASSERT_ERRNO(0, sc_ask(self->fd, request));
	EXPECT_ANSWER(EXTENTS * (times + 1), "already_huge");
	EXPECT_ANSWER(EXTENTS * times, "pmds_mapped");
	EXPECT_EQ(EXTENTS * times, sc_huge_mapped(getpid(), at, EXTENTS * times * x));
	munmap(at, EXTENTS * times * x);
}

/* --- what is no request ---------------------------------------------------------------------- */

ANSWER_TEST(malformed)
{
	static char longest[65536];

	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_ERRNO(EINVAL, sc_ask(self->fd, "1,2"));
	EXPECT_ANSWER(0, "extents");
	EXPECT_ANSWER(0, "collapsed");
	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_ANSWER(EXTENTS, "already_huge");
	memset(longest, ' ', sizeof(longest));
	EXPECT_ERRNO(E2BIG, sc_ask_raw(self->fd, longest, sc_page()));
	EXPECT_ANSWER(0, "extents");
	longest[0] = '0';
	EXPECT_ERRNO(0, sc_ask_raw(self->fd, longest, sc_page() - 1));
	EXPECT_ANSWER(EXTENTS, "extents");
	EXPECT_ERRNO(ESRCH, sc_ask(self->fd, "4194303"));
	EXPECT_ANSWER(0, "extents");
}

ANSWER_TEST(unreadable)
{
	const void *volatile nowhere = (void *)sc_page();

	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_ERRNO(EFAULT, sc_ask_raw(self->fd, nowhere, 3));
	EXPECT_ANSWER(0, "extents");
}

ANSWER_TEST(no_bytes)
{
	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_ERRNO(0, sc_ask(self->fd, ""));
	EXPECT_ANSWER(EXTENTS, "collapsed");
}

ANSWER_TEST(one_request_in_pieces)
{
	char *text = strdup(request_for(&self->seg));
	struct iovec piece[3] = {
		{ text, 1 }, { text + 1, 0 }, { text + 1, strlen(text) - 1 },
	};

	EXPECT_EQ((ssize_t)strlen(text), writev(self->fd, piece, 3));
	EXPECT_ANSWER(EXTENTS, "collapsed");
	EXPECT_GROWN(1, "requests");
	free(text);
}

ANSWER_TEST(ioctl_leaves_the_answer)
{
	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_ERRNO(0, sc_tell(self->fd, self->seg.addr, self->seg.len).err);
	EXPECT_ANSWER(EXTENTS, "collapsed");
	EXPECT_ANSWER(0, "already_huge");
}

/* --- reading --------------------------------------------------------------------------------- */

ANSWER_TEST(short_reads)
{
	char whole[SC_MAX_ANSWER], piece[SC_MAX_ANSWER];
	ssize_t len, at;

	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	len = pread(self->fd, whole, sizeof(whole), 0);
	ASSERT_LT(0, len);
	for (at = 0; at < len; at++) {
		ASSERT_EQ(1, read(self->fd, piece + at, 1));
		/* What is read on is what was, whatever is asked meanwhile. */
		if (at == 20)
			ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	}
	EXPECT_EQ(0, read(self->fd, piece, 1));
	EXPECT_EQ(0, memcmp(whole, piece, len));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	len = read(self->fd, piece, sizeof(piece) - 1);
	ASSERT_LT(0, len);
	piece[len] = '\0';
	EXPECT_NE(NULL, strstr(piece, "\nalready_huge 3\n"));
}

ANSWER_TEST(positions)
{
	const off_t beyond[] = { SC_MAX_ANSWER, 1ll << 31, 1ll << 40, LLONG_MAX - 4096 };
	char text[SC_MAX_ANSWER], rest[SC_MAX_ANSWER];
	ssize_t len;
	size_t i;

	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	len = pread(self->fd, text, sizeof(text), 0);
	ASSERT_LT(10, len);
	EXPECT_EQ('\n', text[len - 1]);
	EXPECT_EQ(len - 10, pread(self->fd, rest, sizeof(rest), 10));
	EXPECT_EQ(0, memcmp(text + 10, rest, len - 10));
	EXPECT_EQ(0, pread(self->fd, rest, sizeof(rest), len));
	for (i = 0; i < ARRAY_SIZE(beyond); i++)
		EXPECT_EQ(0, pread(self->fd, rest, 16, beyond[i]));
	EXPECT_EQ(-1, pread(self->fd, rest, sizeof(rest), -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, pread(self->fd, rest, 0, 0));
}

ANSWER_TEST(unwritable)
{
	void *volatile nowhere = (void *)sc_page();

	ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
	EXPECT_EQ(-1, read(self->fd, nowhere, 100));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_ANSWER(EXTENTS, "collapsed");
}

/* --- others meanwhile ------------------------------------------------------------------------ */

/* Asks for a segment of its own, with an answer or without, until it is killed. */
static void busy_asker(bool device)
{
	struct sc_segment other = { .fd = -1 };
	int fd = device ? sc_device() : -1;

	if (sc_create(&other, SC_MEMFD, 2))
		_exit(1);
	other.addr = sc_map_segment(&other, PROT_READ | PROT_WRITE);
	for (;;) {
		int err = refill(&other) ?: device ? sc_ask(fd, request_for(&other)) :
			  sc_collapse(getpid(), other.addr, other.len);

		if (err || (device && sc_answered(fd, "collapsed") != 2))
			_exit(2);
	}
}

ANSWER_TEST(own_counts_beside_others)
{
	pid_t others[2];
	int i, round;

	for (i = 0; i < 2; i++) {
		others[i] = sc_fork();
		if (!others[i])
			busy_asker(i);
	}
	while (sc_grown(&self->before, "requests") < 4)
		sched_yield();
	for (round = 0; round < 30; round++) {
		ASSERT_EQ(0, refill(&self->seg));
		ASSERT_ERRNO(0, sc_ask(self->fd, request_for(&self->seg)));
		EXPECT_ANSWER(EXTENTS, "extents");
		EXPECT_ANSWER(EXTENTS, "collapsed");
		EXPECT_EQ(0, waitpid(others[round % 2], NULL, WNOHANG));
	}
	EXPECT_LT(30ull * EXTENTS, sc_grown(&self->before, "extents"));
	for (i = 0; i < 2; i++) {
		kill(others[i], SIGKILL);
		waitpid(others[i], NULL, 0);
	}
}

TEST_HARNESS_MAIN
