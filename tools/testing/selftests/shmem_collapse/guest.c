// SPDX-License-Identifier: GPL-2.0
/*
 * A request is a good guest: it leaves the kernel when its caller is wanted elsewhere, goes on when
 * that is over, and ends when what it was for is gone.
 */
#include "device.h"
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* Extents that each who works on a request may still end when it is to leave: the one it is at. */
#define MORE		1
#define TRIES		20000

/* Enough extents for a request that takes a while, at most half a gigabyte. */
static size_t many(void)
{
	size_t n = (512ul << 20) / sc_extent();

	return n > 96 ? 96 : n < 8 ? 8 : n;
}

/* Extents that were found in use count when the request ends; they are not waited for. */
static unsigned long long extents_tried(void)
{
	return sc_read_number(SC_DIR "/stats/extents") - sc_read_number(SC_DIR "/stats/failed");
}

static void nothing(int signal)
{
}

enum way { BY_PATH, BY_DEVICE };

/* What write() or the ioctl says: 0, if it was all that was asked for, or the errno. */
static int ask(const struct sc_segment *seg, enum way way)
{
	struct shmem_collapse_range range = { .addr = (uintptr_t)seg->addr, .len = seg->len };
	int fd, err;

	if (way == BY_PATH)
		return sc_collapsef("%s", seg->path);
	fd = sc_device();
	err = fd < 0 ? errno : sc_device_raw(fd, &range);
	close(fd);
	return err;
}

/* A process that asks for the segment; it ends with the errno. */
static pid_t start(const struct sc_segment *seg, enum way way)
{
	pid_t pid = sc_fork();

	if (!pid) {
		signal(SIGUSR1, nothing);
		_exit(ask(seg, way));
	}
	return pid;
}

/* Waits until the request has ended so many extents. */
static void progress(unsigned long long before, unsigned int n)
{
	int tries = TRIES;

	while (extents_tried() < before + n && tries--)
		usleep(200);
}

static void signal_with_a_handler(struct __test_metadata *_metadata,
				  struct _test_data_collapse *self, enum way way, int workers)
{
	unsigned long long before, tried;
	pid_t writer;

	ASSERT_EQ(0, sc_knob_set_number("workers", workers));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, many(), SC_SEED));
	before = extents_tried();
	writer = start(&self->seg, way);
	progress(before, 2);
	ASSERT_EQ(0, kill(writer, SIGUSR1));
	tried = extents_tried();
	EXPECT_ERRNO(EINTR, sc_join(writer));
	EXPECT_LE(extents_tried(), tried + MORE * workers);
	EXPECT_LT(extents_tried(), before + many());
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	/* What is huge stays so, and a request goes on from there. */
	tried = sc_grown(&self->before, "collapsed");
	EXPECT_ERRNO(0, ask(&self->seg, way));
	EXPECT_GROWN(tried, "already_huge");
	EXPECT_GROWN(many(), "collapsed");
}

SC_TEST(signal_with_a_handler_ends_a_request)
{
	signal_with_a_handler(_metadata, self, BY_PATH, 1);
}

SC_TEST(signal_with_a_handler_ends_a_request_of_the_device)
{
	signal_with_a_handler(_metadata, self, BY_DEVICE, 1);
}

SC_TEST(signal_with_a_handler_ends_a_request_with_workers)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	signal_with_a_handler(_metadata, self, BY_PATH, 2);
}

/* Nothing is left to be done, and still it is not deaf. */
SC_TEST(signal_ends_a_request_for_what_is_huge)
{
	unsigned long long before, tried;
	int rounds = 100, err;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, many(), SC_SEED));
	ASSERT_ERRNO(0, ask(&self->seg, BY_PATH));
	/* Such a request is short: the signal may come too late. */
	do {
		pid_t writer;

		before = extents_tried();
		writer = start(&self->seg, BY_PATH);
		while (extents_tried() == before)
			;
		tried = extents_tried();
		kill(writer, SIGUSR1);
		err = sc_join(writer);
	} while (!err && rounds--);
	EXPECT_ERRNO(EINTR, err);
	EXPECT_LT(extents_tried(), before + many());
	EXPECT_LT(before, tried);
}

/* --- what restarts the request ---------------------------------------------------------------- */

/* One way to take a process out of the kernel for a while. */
struct pause {
	int (*prepare)(pid_t pid);
	int (*ask)(pid_t pid);		/* it is to leave */
	int (*wait)(pid_t pid);		/* it has left */
	int (*end)(pid_t pid);
};

static char group[128];

static int prepare_nothing(pid_t pid)
{
	return 0;
}

static int stop(pid_t pid)
{
	return kill(pid, SIGSTOP);
}

static int wait_stopped(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) ? 0 : -1;
}

static int carry_on(pid_t pid)
{
	return kill(pid, SIGCONT);
}

static int attach(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0);
}

static int detach(pid_t pid)
{
	return ptrace(PTRACE_DETACH, pid, 0, 0);
}

static int freezer(const char *state)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", group);
	return sc_write_file(path, state);
}

static int wait_frozen(pid_t pid)
{
	char path[200], text[256];
	int tries = TRIES;

	snprintf(path, sizeof(path), "%s/cgroup.events", group);
	do {
		char *at;

		usleep(200);
		if (sc_read_file(path, text, sizeof(text)))
			return -1;
		at = strstr(text, "frozen ");
		if (at && at[7] == '1')
			return 0;
	} while (tries--);
	return -1;
}

static int enter_group(pid_t pid)
{
	return sc_cgroup_enter(group, pid);
}

static int freeze(pid_t pid)
{
	return freezer("1");
}

static int thaw(pid_t pid)
{
	return freezer("0");
}

static const struct pause stopped = { prepare_nothing, stop, wait_stopped, carry_on };
static const struct pause traced = { prepare_nothing, attach, wait_stopped, detach };
static const struct pause frozen = { enter_group, freeze, wait_frozen, thaw };

/* Paused after the extent it is at; then it does all the rest, and its answer is whole. */
static void paused(struct __test_metadata *_metadata, struct _test_data_collapse *self,
		   const struct pause *pause, enum way way, int workers)
{
	unsigned long long before, tried, then;
	pid_t writer;

	ASSERT_EQ(0, sc_knob_set_number("workers", workers));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, many(), SC_SEED));
	before = extents_tried();
	writer = start(&self->seg, way);
	ASSERT_EQ(0, pause->prepare(writer));
	progress(before, 2);
	ASSERT_EQ(0, pause->ask(writer));
	tried = extents_tried();
	ASSERT_EQ(0, pause->wait(writer));
	then = extents_tried();
	EXPECT_LE(then, tried + MORE * workers);
	EXPECT_LT(then, before + many());
	usleep(20000);
	EXPECT_EQ(then, extents_tried());
	ASSERT_EQ(0, pause->end(writer));
	EXPECT_ERRNO(0, sc_join(writer));
	EXPECT_GROWN(many(), "collapsed");
	/* What was made huge before. */
	EXPECT_EQ(then - before, sc_grown(&self->before, "already_huge"));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(stopped_and_continued)
{
	paused(_metadata, self, &stopped, BY_PATH, 1);
}

SC_TEST(stopped_and_continued_with_workers)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	paused(_metadata, self, &stopped, BY_PATH, 2);
}

SC_TEST(stopped_and_continued_in_the_device)
{
	paused(_metadata, self, &stopped, BY_DEVICE, 1);
}

SC_TEST(stopped_by_a_debugger)
{
	paused(_metadata, self, &traced, BY_PATH, 1);
}

SC_TEST(frozen_and_thawed)
{
	int err = sc_cgroup_create(group, sizeof(group), "sc-guest");

	if (err)
		SKIP(return, "no control group: %s", strerror(err));
	paused(_metadata, self, &frozen, BY_PATH, 1);
	sc_cgroup_remove(group);
}

#define FAILING		6
/* Several times what it takes. A stop that comes too early to find a request does not count. */
#define MOST_CALLS	500

/*
 * Waits for a call after the first @calls; false if @pid has stopped or ended before. On a slow
 * machine a stop that did not wait would always come before the call.
 */
static bool wait_for_call(const struct sc_stats *before, unsigned long long calls, pid_t pid)
{
	int tries;

	for (tries = TRIES; tries; tries--) {
		siginfo_t info = { .si_pid = 0 };

		if (sc_grown(before, "requests") > calls)
			return true;
		waitid(P_PID, pid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT);
		if (info.si_pid)
			return false;
		usleep(200);
	}
	return true;
}

/* A debugger that stops it again and again does not keep it from its end, nor do failures. */
SC_TEST(storm_of_stops)
{
	unsigned long long calls = 0;
	size_t n = 24, i;
	int status = 0;
	pid_t writer;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, n, SC_SEED));
	for (i = 0; i < FAILING; i++)
		ASSERT_EQ(0, madvise(self->seg.addr + i * sc_extent(), sc_page(), MADV_REMOVE));
	ASSERT_EQ(0, sc_knob_set_number("max_ptes_none", 0));
	writer = sc_fork();
	if (!writer) {
		raise(SIGSTOP);
		_exit(ask(&self->seg, BY_PATH));
	}
	ASSERT_EQ(writer, waitpid(writer, &status, WUNTRACED));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, writer, 0, 0));
	ASSERT_EQ(0, kill(writer, SIGCONT));
	ptrace(PTRACE_INTERRUPT, writer, 0, 0);
	do {
		ASSERT_EQ(writer, waitpid(writer, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		calls = sc_grown(&self->before, "requests");
		ptrace(PTRACE_CONT, writer, 0, 0);
		if (wait_for_call(&self->before, calls, writer))
			ptrace(PTRACE_INTERRUPT, writer, 0, 0);
	} while (calls < MOST_CALLS);
	ASSERT_TRUE(WIFEXITED(status))
		kill(writer, SIGKILL);
	EXPECT_ERRNO(EBUSY, WEXITSTATUS(status));
	EXPECT_GROWN(n - FAILING, "collapsed");
}

/* --- the target dies -------------------------------------------------------------------------- */

static pid_t start_for(pid_t target, const struct sc_segment *seg)
{
	pid_t pid = sc_fork();

	if (!pid)
		_exit(sc_collapse(target, seg->addr, seg->len));
	return pid;
}

/* Each request holds a reference on the memory, which must not look like life to the other. */
SC_TEST(H29_killed_while_two_ask)
{
	unsigned long long before, tried;
	pid_t target, writer[2];
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, many(), SC_SEED));
	target = sc_fork();
	if (!target)
		for (;;)
			pause();
	before = extents_tried();
	for (i = 0; i < 2; i++)
		writer[i] = start_for(target, &self->seg);
	progress(before, 2);
	ASSERT_EQ(0, kill(target, SIGKILL));
	EXPECT_EQ(-SIGKILL, sc_join(target));
	tried = extents_tried();
	for (i = 0; i < 2; i++)
		EXPECT_ERRNO(ESRCH, sc_join(writer[i]));
	EXPECT_LE(extents_tried(), tried + MORE * 2);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

static int share_memory(void *writer_is_done)
{
	int fd = *(int *)writer_is_done;
	char byte;

	_exit(read(fd, &byte, 1) == 1 ? 0 : 1);
}

/* Not gone as long as somebody else runs in the same memory. */
SC_TEST(killed_while_another_shares_its_memory)
{
	_Alignas(16) char stack[16384];
	pid_t target, writer;
	int done[2], ready[2];
	char byte = 1;

	ASSERT_EQ(0, pipe(done));
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, many(), SC_SEED));
	target = sc_fork();
	if (!target) {
		if (clone(share_memory, stack + sizeof(stack), CLONE_VM, done) < 0 ||
		    write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	writer = start_for(target, &self->seg);
	progress(extents_tried(), 2);
	ASSERT_EQ(0, kill(target, SIGKILL));
	EXPECT_EQ(-SIGKILL, sc_join(target));
	EXPECT_ERRNO(0, sc_join(writer));
	EXPECT_GROWN(many(), "collapsed");
	EXPECT_EQ(1, write(done[1], &byte, 1));
}

TEST_HARNESS_MAIN
