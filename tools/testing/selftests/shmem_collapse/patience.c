// SPDX-License-Identifier: GPL-2.0
/*
 * Extents that somebody uses: for how long a request goes on with them, and what it holds
 * meanwhile. Nothing here measures time: a test that waits for ever is stopped by the harness.
 */
#define SC_OWN_FIXTURE
#include "device.h"
#include "fixture.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define FOR_EVER	"60000"	/* milliseconds: longer than any test shall take */
#define BUSY		17	/* the page that is in use */

FIXTURE(patience)
{
	struct sc_stats before;
	struct sc_segment seg;
	pid_t writer;		/* whose request waits */
	int held[2];		/* closed, they let the page go */
};

static void let_go(int held[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		if (held[i] >= 0)
			close(held[i]);
		held[i] = -1;
	}
}

FIXTURE_SETUP(patience)
{
	SC_SETUP();
	self->writer = -1;
	self->held[0] = -1;
	self->held[1] = -1;
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
}

FIXTURE_TEARDOWN(patience)
{
	let_go(self->held);
	if (self->writer > 0) {
		kill(self->writer, SIGKILL);
		waitpid(self->writer, NULL, 0);
	}
	SC_TEARDOWN();
}

#define PATIENCE_TEST(name) TEST_F_TIMEOUT(patience, name, SC_TIMEOUT)

/* A plain reference, which might go any moment. */
static int hold_page(int held[2], void *page)
{
	struct iovec vec = { .iov_base = page, .iov_len = sc_page() };

	if (pipe2(held, O_CLOEXEC))
		return errno;
	return vmsplice(held[1], &vec, 1, 0) == (ssize_t)sc_page() ? 0 : errno;
}

/* A pin. */
static int pin_page(int held[2], void *page)
{
	struct io_uring_params params = {};
	struct iovec buffer = { .iov_base = page, .iov_len = sc_page() };

	held[0] = syscall(SYS_io_uring_setup, 1, &params);
	if (held[0] < 0)
		return errno;
	return syscall(SYS_io_uring_register, held[0], IORING_REGISTER_BUFFERS, &buffer, 1) ?
	       errno : 0;
}

static char *busy_page(const struct sc_segment *seg)
{
	return seg->addr + BUSY * sc_page();
}

/* A process that asks for everything and has begun to wait when this returns; -1 if it does not. */
static pid_t ask(const struct sc_segment *seg, int held[2], bool device)
{
	unsigned long long waited = 0;
	struct sc_stats before;
	pid_t pid;
	int tries;

	if (sc_stats(&before))
		return -1;
	pid = sc_fork();
	if (!pid) {
		/* It has what holds the page, too. */
		let_go(held);
		_exit(device ? sc_tell(sc_device(), seg->addr, seg->len).err :
			       sc_collapsef("%s", seg->path));
	}
	for (tries = 0; tries < 10000 && !waited; tries++) {
		usleep(10000);
		waited = sc_grown(&before, "waited_ns");
	}
	if (waited)
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

#define ASK(device) do { \
	self->writer = ask(&self->seg, self->held, device); \
	ASSERT_LT(0, self->writer); \
} while (0)

static int answer(pid_t *writer)
{
	pid_t pid = *writer;

	*writer = -1;
	return sc_join(pid);
}

#define EXPECT_ALL_HUGE() do { \
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len)); \
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0)); \
	EXPECT_GROWN(2, "collapsed"); \
	EXPECT_GROWN(0, "failed"); \
} while (0)

/* Gives the segment pages that come from a split, so that no CPU's LRU batch has one of them. */
static int without_batches(const struct sc_segment *seg)
{
	int err = sc_collapsef("%s", seg->path);

	if (!err)
		err = sc_split(seg->addr, seg->len);
	return err ? err : sc_touch(seg->addr, seg->len) < 0;
}

PATIENCE_TEST(one_pass_without_patience)
{
	ASSERT_EQ(0, without_batches(&self->seg));
	ASSERT_EQ(0, sc_stats(&self->before));
	ASSERT_EQ(0, sc_knob_set("patience_ms", "0"));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	EXPECT_ERRNO(EAGAIN, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(2, "attempts");
	EXPECT_GROWN(0, "waited_ns");
	EXPECT_GROWN(0, "lru_drains");
	EXPECT_GROWN(1, "collapsed");
	EXPECT_GROWN(1, "failed_lru");
	let_go(self->held);
}

PATIENCE_TEST(page_that_is_let_go)
{
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(false);
	let_go(self->held);
	EXPECT_ERRNO(0, answer(&self->writer));
	EXPECT_ALL_HUGE();
	EXPECT_LE(3, sc_grown(&self->before, "attempts"));
	EXPECT_GE(1, sc_grown(&self->before, "lru_drains"));
}

PATIENCE_TEST(page_that_is_let_go_with_workers)
{
	ASSERT_EQ(0, sc_knob_set_number("workers", sysconf(_SC_NPROCESSORS_ONLN)));
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(false);
	let_go(self->held);
	EXPECT_ERRNO(0, answer(&self->writer));
	EXPECT_ALL_HUGE();
}

PATIENCE_TEST(page_that_is_let_go_by_the_device)
{
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(true);
	let_go(self->held);
	EXPECT_ERRNO(0, answer(&self->writer));
	EXPECT_ALL_HUGE();
}

/* I/O by O_DIRECT is as long as the device needs for it. */
PATIENCE_TEST(pin_that_goes_away)
{
	int err = pin_page(self->held, busy_page(&self->seg));

	if (err)
		SKIP(return, "io_uring cannot register a buffer: %s", strerror(err));
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASK(false);
	let_go(self->held);
	EXPECT_ERRNO(0, answer(&self->writer));
	EXPECT_ALL_HUGE();
}

/* It is called one when it has outlasted the patience. Page tables are left alone meanwhile. */
PATIENCE_TEST(pin_that_stays)
{
	int err;

	ASSERT_EQ(0, without_batches(&self->seg));
	ASSERT_EQ(0, sc_stats(&self->before));
	err = pin_page(self->held, busy_page(&self->seg));
	if (err)
		SKIP(return, "io_uring cannot register a buffer: %s", strerror(err));
	ASSERT_EQ(0, sc_knob_set("patience_ms", "50"));
	EXPECT_ERRNO(EAGAIN, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(1, "collapsed");
	EXPECT_GROWN(1, "failed_pinned");
	/* One at first, and one at the end: in between a look is enough. */
	EXPECT_GROWN(3, "attempts");
	EXPECT_NE(0, sc_grown(&self->before, "waited_ns"));
	EXPECT_EQ(0, sc_touch(self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* Somebody else's request for the same extent does not wait behind it. */
PATIENCE_TEST(no_lock_is_held)
{
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(false);
	ASSERT_EQ(0, sc_knob_set("patience_ms", "0"));
	EXPECT_ERRNO(EAGAIN, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, waitpid(self->writer, NULL, WNOHANG));
	/* Nor does who writes to the pages, or maps the file. */
	sc_fill(self->seg.addr, self->seg.len, SC_SEED + 1, 0);
	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, self->seg.len, SC_SEED + 1));
	let_go(self->held);
	EXPECT_ERRNO(0, answer(&self->writer));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED + 1, 0));
}

/* A reference would keep other pages of the extent from being swapped out, or migrated. */
PATIENCE_TEST(no_reference_is_held)
{
	const char *reason;

	if (sc_swap_on(&reason))
		SKIP(return, "no swap: %s", reason);
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(false);
	EXPECT_EQ(100, sc_swap_out(busy_page(&self->seg) + sc_page(), 100 * sc_page()));
	EXPECT_EQ(0, waitpid(self->writer, NULL, WNOHANG));
	let_go(self->held);
	EXPECT_ERRNO(0, answer(&self->writer));
	EXPECT_ALL_HUGE();
}

PATIENCE_TEST(killed_while_it_waits)
{
	int status;

	ASSERT_EQ(0, sc_knob_set_number("workers", sysconf(_SC_NPROCESSORS_ONLN)));
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(false);
	ASSERT_EQ(0, kill(self->writer, SIGKILL));
	ASSERT_EQ(self->writer, waitpid(self->writer, &status, 0));
	self->writer = -1;
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_GROWN(1, "failed");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* It leaves the kernel for that, and comes back. */
PATIENCE_TEST(stopped_while_it_waits)
{
	int status, i;

	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(false);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kill(self->writer, SIGSTOP));
		ASSERT_EQ(self->writer, waitpid(self->writer, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(0, kill(self->writer, SIGCONT));
	}
	let_go(self->held);
	EXPECT_ERRNO(0, answer(&self->writer));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

PATIENCE_TEST(unloaded_while_it_waits)
{
	if (sc_load() == ENOENT)
		SKIP(return, "no module file: set SHMEM_COLLAPSE_KO");
	ASSERT_EQ(0, sc_knob_set("patience_ms", FOR_EVER));
	ASSERT_EQ(0, hold_page(self->held, busy_page(&self->seg)));
	ASK(false);
	EXPECT_ERRNO(0, sc_unload());
	EXPECT_ERRNO(EINTR, answer(&self->writer));
	ASSERT_ERRNO(0, sc_load());
	let_go(self->held);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

TEST_HARNESS_MAIN
