// SPDX-License-Identifier: GPL-2.0
/* Requests of the administrator through the device, each with an answer of its own. */
#include "device.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define SC_OWN_FIXTURE
#include "fixture.h"

#define EXTENTS	3

FIXTURE(answer)
{
	struct sc_stats before;
	struct sc_segment seg;
	int fd;
};

FIXTURE_SETUP(answer)
{
	SC_SETUP();
	self->fd = sc_device();
	ASSERT_LE(0, self->fd) TH_LOG("%s: %s", SC_DEVICE, strerror(errno));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, EXTENTS, SC_SEED));
}

FIXTURE_TEARDOWN(answer)
{
	close(self->fd);
	SC_TEARDOWN();
}

#define ANSWER_TEST(name) TEST_F_TIMEOUT(answer, name, SC_TIMEOUT)

#define EXPECT_ANSWER(expected, name) do { \
	unsigned long long __want = (expected), __got = sc_answered(self->fd, name); \
	EXPECT_EQ(__want, __got) \
		TH_LOG("answer %s", name); \
} while (0)

/* The request for all of a segment in this process. */
static const char *request_for(const struct sc_segment *seg)
{
	static char request[96];
	unsigned long at = (unsigned long)seg->addr;

	snprintf(request, sizeof(request), "%d,0x%lx,0x%lx", getpid(), at, at + seg->len);
	return request;
}

/* The same memory, in small pages again. */
static int refill(const struct sc_segment *seg)
{
	if (madvise(seg->addr, seg->len, MADV_REMOVE))
		return errno;
	sc_fill(seg->addr, seg->len, SC_SEED, 0);
	return 0;
}

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

/* --- while it runs --------------------------------------------------------------------------- */

static size_t many(void)
{
	return sc_brief() ? 24 : 48;
}

struct writer {
	int fd;
	const char *request;
	int err;
};

static void *write_it(void *arg)
{
	struct writer *w = arg;

	w->err = sc_ask(w->fd, w->request);
	return NULL;
}

/* Until so many extents are told, or the request is over. */
static void wait_for(int fd, unsigned long long extents)
{
	struct sc_stats now;

	do {
		if (sc_answer(fd, &now))
			return;
	} while (!now.count || (sc_stat(&now, "running") && sc_stat(&now, "extents") < extents));
}

#define MANY_EXTENTS() do { \
	sc_destroy(&self->seg); \
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, many(), SC_SEED)); \
} while (0)

ANSWER_TEST(progress)
{
	unsigned long long last = 0, now = 0, steps = 0;
	struct writer w = { .fd = self->fd };
	struct sc_stats told;
	pthread_t thread;

	MANY_EXTENTS();
	w.request = request_for(&self->seg);
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_it, &w));
	do {
		ASSERT_EQ(0, sc_answer(self->fd, &told));
		if (!told.count)
			continue;
		now = sc_stat(&told, "extents");
		EXPECT_LE(last, now);
		EXPECT_EQ(now, sc_stat(&told, "collapsed") + sc_stat(&told, "already_huge") +
			  sc_stat(&told, "failed"));
		EXPECT_EQ(sc_stat(&told, "failed"), sc_failed_sum(&told));
		steps += now > last && sc_stat(&told, "running");
		last = now;
	} while (now < many());
	pthread_join(thread, NULL);
	EXPECT_ERRNO(0, w.err);
	EXPECT_LE(1, steps);
	EXPECT_ANSWER(many(), "collapsed");
	EXPECT_ANSWER(0, "running");
}

ANSWER_TEST(one_at_a_time_on_an_open_file)
{
	struct writer w = { .fd = self->fd };
	int other = sc_device(), busy = 0, round;
	pthread_t thread;

	MANY_EXTENTS();
	w.request = request_for(&self->seg);
	for (round = 0; round < 10 && !busy; round++) {
		ASSERT_EQ(0, refill(&self->seg));
		ASSERT_EQ(0, pthread_create(&thread, NULL, write_it, &w));
		wait_for(self->fd, 1);
		busy = sc_ask(self->fd, "garbage") == EBUSY;
		/* Another open file does not mind. */
		EXPECT_ERRNO(0, sc_ask(other, self->seg.path));
		pthread_join(thread, NULL);
	}
	EXPECT_ERRNO(0, w.err);
	ASSERT_TRUE(busy);
	EXPECT_ANSWER(many(), "extents");
	EXPECT_ANSWER(0, "failed");
	EXPECT_EQ(many(), sc_answered(other, "extents"));
	close(other);
}

/* A request that ended early and is made again is the same one. */
ANSWER_TEST(made_again_after_its_writer_was_killed)
{
	unsigned long long first = many(), collapsed;
	const char *request;
	int round;

	MANY_EXTENTS();
	request = request_for(&self->seg);
	for (round = 0; round < 10 && first >= many(); round++) {
		pid_t writer;

		ASSERT_EQ(0, refill(&self->seg));
		writer = sc_fork();
		if (!writer)
			_exit(sc_ask(self->fd, request));
		wait_for(self->fd, 2);
		kill(writer, SIGKILL);
		sc_join(writer);
		first = sc_answered(self->fd, "collapsed");
	}
	ASSERT_LT(first, many());
	ASSERT_LT(0, first);
	EXPECT_EQ(first, (unsigned long long)sc_huge_mapped(getpid(), self->seg.addr,
							     self->seg.len));
	ASSERT_EQ(0, sc_stats(&self->before));
	ASSERT_ERRNO(0, sc_ask(self->fd, request));
	collapsed = sc_grown(&self->before, "collapsed");
	EXPECT_EQ(many() - first, collapsed);
	EXPECT_ANSWER(many(), "extents");
	EXPECT_ANSWER(many(), "collapsed");
	EXPECT_ANSWER(0, "already_huge");
	/* And then it is done. */
	ASSERT_ERRNO(0, sc_ask(self->fd, request));
	EXPECT_ANSWER(0, "collapsed");
	EXPECT_ANSWER(many(), "already_huge");
}

/* The kernel restarts a call for a stop: it leaves, comes back, and has one answer. */
ANSWER_TEST(restarted_after_a_stop)
{
	unsigned long long first = many();
	const char *request;
	int round, status, err = 0;

	MANY_EXTENTS();
	request = request_for(&self->seg);
	for (round = 0; round < 10 && first >= many(); round++) {
		pid_t writer;

		ASSERT_EQ(0, refill(&self->seg));
		writer = sc_fork();
		if (!writer)
			_exit(sc_ask(self->fd, request));
		wait_for(self->fd, 2);
		kill(writer, SIGSTOP);
		ASSERT_EQ(writer, waitpid(writer, &status, WUNTRACED));
		if (!WIFSTOPPED(status))
			continue;
		first = sc_answered(self->fd, "collapsed");
		EXPECT_ANSWER(0, "running");
		kill(writer, SIGCONT);
		err = sc_join(writer);
	}
	ASSERT_LT(first, many());
	ASSERT_LT(0, first);
	EXPECT_ERRNO(0, err);
	EXPECT_ANSWER(many(), "extents");
	EXPECT_ANSWER(many(), "collapsed");
	EXPECT_ANSWER(0, "already_huge");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

static void nothing(int signal)
{
}

ANSWER_TEST(made_again_after_a_signal)
{
	const int interrupted = 100;
	const char *request;
	int round, status = 0;

	MANY_EXTENTS();
	request = request_for(&self->seg);
	for (round = 0; round < 10 && status != interrupted; round++) {
		pid_t writer;

		ASSERT_EQ(0, refill(&self->seg));
		writer = sc_fork();
		if (!writer) {
			int err, times = 0;

			signal(SIGUSR1, nothing);
			while ((err = sc_ask(self->fd, request)) == EINTR)
				times++;
			_exit(err ?: times ? interrupted : 0);
		}
		wait_for(self->fd, 2);
		kill(writer, SIGUSR1);
		status = sc_join(writer);
	}
	ASSERT_EQ(interrupted, status);
	EXPECT_ANSWER(many(), "extents");
	EXPECT_ANSWER(many(), "collapsed");
	EXPECT_ANSWER(0, "already_huge");
}

TEST_HARNESS_MAIN
