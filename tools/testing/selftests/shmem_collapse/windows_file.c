// SPDX-License-Identifier: GPL-2.0
/*
 * A file that changes, or whose pages are pinned, while a request waits between two steps. On a
 * debug kernel only.
 */
#include "fixture.h"

#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/uio.h>

#define HOLE	100	/* the page that is missing where one is */

static char *page_at(struct sc_segment *seg, size_t index)
{
	return seg->addr + index * sc_page();
}

static int punch(struct sc_segment *seg, size_t index)
{
	return fallocate(seg->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, index * sc_page(),
			 sc_page()) ? errno : 0;
}

static int write_page(struct sc_segment *seg, size_t index, uint64_t seed)
{
	char page[65536];

	memset(page, 0, sizeof(page));
	sc_fill_page(page, seed, index);
	return pwrite(seg->fd, page, sc_page(), index * sc_page()) == (ssize_t)sc_page() ? 0 : EIO;
}

static int extent_with_hole(struct sc_segment *seg)
{
	return sc_create_filled(seg, SC_MEMFD, 1, SC_SEED) ?: punch(seg, HOLE);
}

/* --- pages that come or go --------------------------------------------------------------------- */

FIXTURE(file)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_VARIANT(file)
{
	const char *place;
};

FIXTURE_VARIANT_ADD(file, unmapped)
{
	.place = "unmapped",
};

FIXTURE_VARIANT_ADD(file, copied)
{
	.place = "copied",
};

FIXTURE_SETUP(file)
{
	SC_SETUP();
}

FIXTURE_TEARDOWN(file)
{
	SC_TEARDOWN();
}

/* Nothing keeps a writer from a hole; what it wrote must not be lost. */
TEST_F_TIMEOUT(file, H9_hole_filled_by_write, SC_TIMEOUT)
{
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, extent_with_hole(&self->seg));
	writer = OPEN_WINDOW(variant->place);
	ASSERT_EQ(0, write_page(&self->seg, HOLE, SC_SEED));
	EXPECT_ERRNO(0, sc_window_close(writer, variant->place));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, self->seg.len, SC_SEED));
	EXPECT_GROWN(1, "collapsed");
	EXPECT_GROWN(0, "holes_filled");
}

TEST_F_TIMEOUT(file, H9_hole_filled_by_fallocate, SC_TIMEOUT)
{
	struct sc_account before, after;
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, extent_with_hole(&self->seg));
	writer = OPEN_WINDOW(variant->place);
	ASSERT_EQ(0, fallocate(self->seg.fd, 0, HOLE * sc_page(), sc_page()));
	EXPECT_ERRNO(0, sc_window_close(writer, variant->place));
	EXPECT_TRUE(sc_page_is_zero(page_at(&self->seg, HOLE)));
	sc_account(&before, self->seg.fd, getpid(), NULL);
	EXPECT_EQ((long long)sc_extent() / 512, before.blocks);
	EXPECT_EQ(0, ftruncate(self->seg.fd, 0));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_EQ(0, after.blocks);
	EXPECT_EQ(before.shmem - (long long)sc_extent(), after.shmem);
}

/* Who registers before the commit still gets the event of the hole. */
TEST_F_TIMEOUT(file, H10_hole_watched_meanwhile, SC_TIMEOUT)
{
	struct pollfd event = { .events = POLLIN };
	struct sc_account before, after;
	pid_t writer, reader;
	char *view;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, extent_with_hole(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_account(&before, self->seg.fd, 0, NULL);
	writer = OPEN_WINDOW(variant->place);
	event.fd = sc_uffd_watch(0, view, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
	ASSERT_LE(0, event.fd);
	EXPECT_ERRNO(EBUSY, sc_window_close(writer, variant->place));
	EXPECT_GROWN(1, "failed_uffd_missing");
	sc_account(&after, self->seg.fd, 0, NULL);
	EXPECT_UNCHANGED(&before, &after);

	reader = sc_fork();
	if (!reader) {
		uint64_t value;
		struct iovec here = { .iov_base = &value, .iov_len = sizeof(value) };
		struct iovec there = { .iov_base = view + HOLE * sc_page(), .iov_len = 8 };

		close(event.fd);
		_exit(process_vm_readv(getppid(), &here, 1, &there, 1, 0) != 8 || value);
	}
	EXPECT_EQ(1, poll(&event, 1, 10000));
	close(event.fd);
	EXPECT_EQ(0, sc_join(reader));
	EXPECT_EQ(0, sc_verify(self->seg.addr, HOLE * sc_page(), SC_SEED, 0));
	munmap(view, self->seg.len);
}

/* --- pages that are no longer those that were found -------------------------------------------- */

/* Between the look under RCU and the locks, a page is taken out and another one put in. */
SC_TEST(H11_H12_page_replaced_after_the_scan)
{
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	writer = OPEN_WINDOW("scanned");
	ASSERT_EQ(0, punch(&self->seg, HOLE));
	ASSERT_EQ(0, write_page(&self->seg, HOLE, 9));
	ASSERT_EQ(0, punch(&self->seg, 0));
	EXPECT_ERRNO(0, sc_window_close(writer, "scanned"));
	EXPECT_TRUE(sc_page_is_zero(self->seg.addr));
	EXPECT_TRUE(sc_page_is(page_at(&self->seg, HOLE), 9, HOLE));
	EXPECT_EQ(0, sc_verify(page_at(&self->seg, 1), (HOLE - 1) * sc_page(), SC_SEED, 1));
	EXPECT_GROWN(1, "collapsed");
	EXPECT_GROWN(1, "holes_filled");
}

SC_TEST(H18_truncated_after_the_scan)
{
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	writer = OPEN_WINDOW("scanned");
	ASSERT_EQ(0, ftruncate(self->seg.fd, 0));
	EXPECT_ERRNO(ENODATA, sc_window_close(writer, "scanned"));
	EXPECT_GROWN(1, "failed_empty");
}

/* A page in the middle of the copy turns out to be broken. */
#define INJECT "/sys/kernel/debug/hwpoison/corrupt-pfn"

static int poison(uint64_t frame)
{
	char text[32];

	snprintf(text, sizeof(text), "%#llx", (unsigned long long)frame);
	return sc_write_file(INJECT, text);
}

/* The first page tells who pays for the huge one; broken, it is charged to nobody. */
SC_TEST(H13_H24_page_poisoned_after_the_scan)
{
	uint64_t word, frame;
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (access(INJECT, W_OK))
		SKIP(return, INJECT ": %s", strerror(errno));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	frame = sc_frame(self->seg.addr);
	ASSERT_NE(0, frame);
	writer = OPEN_WINDOW("scanned");
	/* It is marked and charged to nobody, but somebody still has it. */
	EXPECT_EQ(EBUSY, poison(frame));
	EXPECT_ERRNO(EHWPOISON, sc_window_close(writer, "scanned"));
	EXPECT_GROWN(1, "failed_poisoned");
	EXPECT_EQ(-1, pread(self->seg.fd, &word, 8, 0));
	EXPECT_EQ(0, sc_verify(page_at(&self->seg, 1), sc_extent() - sc_page(), SC_SEED, 1));
}

/* Both on one CPU, where @first runs whenever it can, and @second in between. */
static int run_before(pid_t first, pid_t second)
{
	const struct sched_param param = { .sched_priority = 1 };
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	if (sched_setaffinity(first, sizeof(cpu), &cpu) ||
	    sched_setaffinity(second, sizeof(cpu), &cpu) ||
	    sched_setscheduler(first, SCHED_FIFO, &param))
		return errno;
	return 0;
}

/*
 * The kernel waits for the page's lock. If it had it before the request puts its reference, which
 * it does after it has unlocked the page, the answer would be EBUSY.
 */
SC_TEST(H13_H24_page_poisoned_while_copied)
{
	uint64_t frame, flags = 0;
	pid_t writer, breaker;
	int map, tries;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (access(INJECT, W_OK))
		SKIP(return, INJECT ": %s", strerror(errno));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	frame = sc_frame(page_at(&self->seg, HOLE));
	ASSERT_NE(0, frame);
	writer = OPEN_WINDOW("copied");
	breaker = sc_fork();
	/* It marks the page first, and then waits for its lock. */
	if (!breaker)
		_exit(poison(frame));
	map = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	for (tries = 0; tries < 10000 && !(flags & 1ull << KPF_HWPOISON); tries++) {
		usleep(1000);
		ASSERT_EQ(8, pread(map, &flags, 8, frame * 8));
	}
	close(map);
	ASSERT_TRUE(flags & 1ull << KPF_HWPOISON);
	ASSERT_EQ(0, sc_wait_asleep(breaker));
	ASSERT_EQ(0, run_before(writer, breaker));
	EXPECT_ERRNO(EHWPOISON, sc_window_close(writer, "copied"));
	EXPECT_GROWN(1, "failed_poisoned");
	EXPECT_EQ(0, sc_join(breaker));
	/* It is not laundered: reading it is an error, and the others are right. */
	EXPECT_EQ(-1, pread(self->seg.fd, &flags, 8, HOLE * sc_page()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, HOLE * sc_page(), SC_SEED, 0));
}

/* --- references that come late ------------------------------------------------------------------ */

/* What is in the pipe must stay the file's page as long as it is there. */
SC_TEST(H15_page_taken_after_the_count)
{
	struct iovec page = { .iov_len = 8 };
	uint64_t word;
	pid_t writer;
	int fds[2];
	bool copied;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, pipe(fds));
	page.iov_base = page_at(&self->seg, HOLE);
	writer = OPEN_WINDOW("gathered");
	ASSERT_EQ(8, vmsplice(fds[1], &page, 1, 0));
	EXPECT_ERRNO(EAGAIN, sc_window_close_noting(writer, "gathered", "checked", &copied));
	/* What is written after the copy would be lost if the reference were gone at the commit. */
	EXPECT_FALSE(copied);
	*(uint64_t *)page.iov_base = 4711;
	ASSERT_EQ(8, read(fds[0], &word, 8));
	EXPECT_EQ(4711, word);
	close(fds[0]);
	close(fds[1]);
	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 50));
}

/* memfd_pin_folios() needs neither a mapping nor the page's lock. */
TEST_F_TIMEOUT(file, H23_page_pinned_meanwhile, SC_TIMEOUT)
{
	pid_t writer;
	char *view;
	int buf;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	if (!sc_has_udmabuf())
		SKIP(return, "/dev/udmabuf: %s", strerror(errno));
	ASSERT_EQ(0, sc_udmabuf_seal(&self->seg));
	writer = OPEN_WINDOW(variant->place);
	buf = sc_udmabuf(&self->seg, 2, 2);
	ASSERT_LE(0, buf);
	EXPECT_ERRNO(EAGAIN, sc_window_close(writer, variant->place));
	EXPECT_GROWN(1, "failed_pinned");
	/* The device and the processes see one page. */
	view = mmap(NULL, 2 * sc_page(), PROT_READ, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	sc_fill_page(page_at(&self->seg, 3), 9, 3);
	EXPECT_TRUE(sc_page_is(view + sc_page(), 9, 3));
	munmap(view, 2 * sc_page());
	close(buf);
	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 50));
}

/*
 * A pin that is gone again at the commit cannot be seen there: what was written to a page after it
 * was copied is lost. The kernel's own collapse loses it as well. Nothing but a second look at the
 * contents would help.
 */
SC_TEST(H23_page_written_through_a_pin_that_is_gone)
{
	pid_t writer;
	char *view;
	int buf;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	if (!sc_has_udmabuf())
		SKIP(return, "/dev/udmabuf: %s", strerror(errno));
	ASSERT_EQ(0, sc_udmabuf_seal(&self->seg));
	writer = OPEN_WINDOW("copied");
	buf = sc_udmabuf(&self->seg, 3, 1);
	ASSERT_LE(0, buf);
	view = mmap(NULL, sc_page(), PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, view);
	sc_fill_page(view, 9, 3);
	munmap(view, sc_page());
	close(buf);
	EXPECT_ERRNO(0, sc_window_close(writer, "copied"));
	EXPECT_GROWN(1, "collapsed");
	EXPECT_EQ(0, sc_verify(self->seg.addr, 3 * sc_page(), SC_SEED, 0));
	ASSERT_TRUE(sc_page_is(page_at(&self->seg, 3), SC_SEED, 3) ||
		    sc_page_is(page_at(&self->seg, 3), 9, 3));
	EXPECT_TO_FAIL(sc_page_is(page_at(&self->seg, 3), 9, 3),
		       "a write through a pin that came and went after the copy is lost");
}

/* Who touches the memory sleeps without a reference: the attempt succeeds, and at once. */
SC_TEST(H20_H42_threads_that_wait)
{
	struct sc_mapper m[4];
	pid_t writer;
	bool again;
	int i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, 4, &self->seg, SC_UNRELATED));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	writer = OPEN_WINDOW("unmapped");
	for (i = 0; i < 4; i++)
		sc_send(&m[i], sc_op_verify, SC_SEED, 0, 0, 0);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, sc_wait_asleep(m[i].pid));
	EXPECT_ERRNO(0, sc_window_close_noting(writer, "unmapped", "rolling_back", &again));
	EXPECT_FALSE(again);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, sc_wait(&m[i]));
	sc_kill(m, 4);
}

/* A roll back lets everybody who waits go on, with the old pages. */
SC_TEST(H41_threads_that_wait_for_a_roll_back)
{
	struct sc_mapper m[4];
	pid_t writer;
	int i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, 4, &self->seg, SC_UNRELATED));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	ASSERT_EQ(0, sc_fail("poison", SC_ALWAYS, 0));
	writer = OPEN_WINDOW("rolling_back");
	for (i = 0; i < 4; i++)
		sc_send(&m[i], sc_op_fill, SC_SEED + 1, 0, 0, 0);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, sc_wait_asleep(m[i].pid));
	EXPECT_ERRNO(EHWPOISON, sc_window_close(writer, "rolling_back"));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, sc_wait(&m[i]));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED + 1, 0));
	for (i = 0; i < 4; i++)
		EXPECT_EQ((long long)sc_extent(), sc_rss(m[i].pid));
	sc_kill(m, 4);
}

/* --- the last reference is the request's --------------------------------------------------------- */

SC_TEST(H29_process_and_file_go_meanwhile)
{
	long long shmem = sc_meminfo("Shmem"), huge = sc_meminfo("ShmemHugePages");
	struct sc_mapper m;
	int err, tries;
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	ASSERT_EQ(0, sc_delay("copied", 60000));
	writer = sc_fork();
	if (!writer) {
		munmap(self->seg.addr, self->seg.len);
		close(self->seg.fd);
		_exit(sc_collapse(m.pid, m.addr, sc_extent()));
	}
	ASSERT_EQ(0, sc_delay_reached("copied"));
	/* No process has the file open or mapped after this; the request has one and the mm. */
	sc_kill(&m, 1);
	sc_destroy(&self->seg);
	err = sc_window_close(writer, "copied");
	EXPECT_TRUE(!err || err == ESRCH)
		TH_LOG("%s", strerror(err));
	/* The last references go asynchronously. */
	for (tries = 0; tries < 1000 && sc_meminfo("ShmemHugePages") != huge; tries++)
		usleep(10000);
	EXPECT_EQ(huge, sc_meminfo("ShmemHugePages"));
	EXPECT_EQ(shmem, sc_meminfo("Shmem"));
}

TEST_HARNESS_MAIN
