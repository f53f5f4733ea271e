// SPDX-License-Identifier: GPL-2.0
/* Requests through the device while they run: progress, a second one, signals to the writer. */
#include "answer.h"

#include <pthread.h>
#include <signal.h>

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

/*
 * Another process makes the request for all of @seg, and is sent @signal when a part of it is done.
 * Its pid, with the number of extents that were made huge by then in @done; 0 if the request was
 * over each of ten times.
 */
static pid_t interrupt_request(int fd, const struct sc_segment *seg, const char *request,
			       int signal, unsigned long long *done)
{
	int round, status;
	pid_t writer;

	for (round = 0; round < 10; round++) {
		if (refill(seg))
			return -1;
		writer = sc_fork();
		if (!writer)
			_exit(sc_ask(fd, request));
		wait_for(fd, 2);
		kill(writer, signal);
		if (waitpid(writer, &status, WUNTRACED) != writer)
			return -1;
		*done = sc_answered(fd, "collapsed");
		if (*done < many() && !WIFEXITED(status))
			return writer;
		if (WIFSTOPPED(status)) {
			kill(writer, SIGCONT);
			sc_join(writer);
		}
	}
	return 0;
}

/* A request that ended early and is made again is the same one. */
ANSWER_TEST(made_again_after_its_writer_was_killed)
{
	unsigned long long first, collapsed;
	const char *request;

	MANY_EXTENTS();
	request = request_for(&self->seg);
	ASSERT_LT(0, interrupt_request(self->fd, &self->seg, request, SIGKILL, &first));
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
	unsigned long long first;
	pid_t writer;

	MANY_EXTENTS();
	writer = interrupt_request(self->fd, &self->seg, request_for(&self->seg), SIGSTOP, &first);
	ASSERT_LT(0, writer);
	ASSERT_LT(0, first);
	EXPECT_ANSWER(0, "running");
	kill(writer, SIGCONT);
	EXPECT_ERRNO(0, sc_join(writer));
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
