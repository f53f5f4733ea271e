// SPDX-License-Identifier: GPL-2.0
/*
 * H41: an attempt fails when page tables hold migration entries. Threads that wait on these go on;
 * whoever took an entry away, split it or copied it meanwhile has the right counters afterwards.
 * The kernel itself complains about a process that exits with wrong ones.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"

#include <sys/mman.h>

#define MAPPERS		6
#define LONG_MS		60000
#define RACE_NS		1500000000ull

FIXTURE(roll_back)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAPPERS];
};

/* Everybody has the extent mapped, and copying it fails. */
FIXTURE_SETUP(roll_back)
{
	int i;

	SC_SETUP();
	ASSERT_TRUE(sc_has_faults())
		TH_LOG(SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(self->m, MAPPERS, &self->seg, SC_UNRELATED));
	for (i = 0; i < MAPPERS; i++)
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	ASSERT_EQ(0, sc_fail("copy", SC_ALWAYS, 0));
}

FIXTURE_TEARDOWN(roll_back)
{
	sc_faults_off();
	sc_kill(self->m, MAPPERS);
	SC_TEARDOWN();
}

#define ROLL_BACK_TEST(name) TEST_F_TIMEOUT(roll_back, name, SC_TIMEOUT)

static pid_t start_request(struct sc_segment *seg)
{
	pid_t owner = getpid(), pid = sc_fork();

	if (!pid) {
		munmap(seg->addr, seg->len);
		_exit(sc_collapse_retry(owner, seg->addr, seg->len, 20));
	}
	return pid;
}

/* Sleeps where no signal wakes it, as a fault on a migration entry does. */
static bool waits_in_a_fault(pid_t pid)
{
	char path[64], text[512], *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (sc_read_file(path, text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	return end && end[1] && end[2] == 'D';
}

static bool all_wait(struct sc_mapper *m, int n)
{
	int tries, i;

	for (tries = 0; tries < 20000; tries++) {
		for (i = 0; i < n && waits_in_a_fault(m[i].pid); i++)
			;
		if (i == n)
			return true;
		usleep(1000);
	}
	return false;
}

static void expect_right_now(struct __test_metadata *_metadata, struct _test_data_roll_back *self,
			     int mappers)
{
	int i;

	for (i = 0; i < mappers; i++) {
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		EXPECT_EQ((long long)sc_extent(), sc_rss(self->m[i].pid));
	}
	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, sc_extent(), 100));
	for (i = 0; i < mappers; i++) {
		EXPECT_EQ(1, sc_huge_mapped(self->m[i].pid, self->m[i].addr, sc_extent()));
		EXPECT_EQ((long long)sc_extent(), sc_rss(self->m[i].pid));
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	}
}

ROLL_BACK_TEST(H41_while_threads_wait)
{
	pid_t writer;
	int i;

	ASSERT_EQ(0, sc_delay("rolling_back", LONG_MS));
	writer = start_request(&self->seg);
	ASSERT_EQ(0, sc_delay_reached("rolling_back"));
	for (i = 0; i < MAPPERS; i++)
		sc_send(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0);
	EXPECT_TRUE(all_wait(self->m, MAPPERS));
	sc_delay("rolling_back", 0);
	EXPECT_ERRNO(EHWPOISON, sc_join(writer));
	for (i = 0; i < MAPPERS; i++)
		EXPECT_EQ(0, sc_wait(&self->m[i]));
	sc_faults_off();
	expect_right_now(_metadata, self, MAPPERS);
}

static long op_drop(struct sc_child *child, const long *arg)
{
	return madvise(child->addr, child->len, MADV_DONTNEED);
}

static long op_unmap(struct sc_child *child, const long *arg)
{
	return munmap(child->addr + arg[0], arg[1]);
}

static long op_protect(struct sc_child *child, const long *arg)
{
	return mprotect(child->addr, child->len, arg[0]);
}

ROLL_BACK_TEST(H41_after_entries_are_gone)
{
	struct sc_mapper *m = self->m;
	size_t half = sc_extent() / 2;
	pid_t writer;

	ASSERT_EQ(0, sc_delay("rolling_back", LONG_MS));
	writer = start_request(&self->seg);
	ASSERT_EQ(0, sc_delay_reached("rolling_back"));
	EXPECT_EQ(0, sc_call(&m[0], op_drop, 0, 0, 0, 0));
	EXPECT_EQ(0, sc_call(&m[1], op_protect, PROT_READ, 0, 0, 0));
	sc_send(&m[2], sc_op_fork, SC_SEED, 0, 0, 0);
	EXPECT_EQ(0, sc_call(&m[3], op_unmap, half, half, 0, 0));
	EXPECT_EQ(0, sc_call(&m[4], op_unmap, 0, sc_extent(), 0, 0));
	sc_kill(&m[5], 1);
	sc_delay("rolling_back", 0);
	EXPECT_ERRNO(EHWPOISON, sc_join(writer));
	EXPECT_EQ(0, sc_wait(&m[2]));
	sc_faults_off();
	EXPECT_EQ(0, sc_rss(m[0].pid) + sc_rss(m[3].pid) + sc_rss(m[4].pid));
	expect_right_now(_metadata, self, 3);
}

/* What an attempt that fails takes from the RSS was there: where tables could not be kept. */
ROLL_BACK_TEST(H41_peak_of_resident_memory)
{
	long long peak = sc_status(self->m[0].pid, "VmHWM");

	ASSERT_EQ(0, sc_fail("keep", SC_ALWAYS, 0));
	EXPECT_ERRNO(EHWPOISON, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_rss(self->m[0].pid));
	EXPECT_LE(peak - (1 << 20), sc_status(self->m[0].pid, "VmHWM"));
	sc_faults_off();
	expect_right_now(_metadata, self, MAPPERS);
}

static long op_touch_and_drop(struct sc_child *child, const long *arg)
{
	uint64_t end = sc_now_ns() + RACE_NS;
	long rounds = 0;

	for (; sc_now_ns() < end; rounds++) {
		__atomic_load_n((const uint64_t *)child->addr, __ATOMIC_RELAXED);
		/* Not always at the same moment of the request. */
		if (rounds % 3)
			usleep(50 * (rounds % 7));
		if (madvise(child->addr, child->len, MADV_DONTNEED))
			return -1;
	}
	return rounds;
}

ROLL_BACK_TEST(H41_while_entries_go)
{
	long requests = 0, rounds = 0;
	uint64_t end;
	int i;

	for (i = 0; i < MAPPERS; i++)
		sc_send(&self->m[i], op_touch_and_drop, 0, 0, 0, 0);
	end = sc_now_ns() + RACE_NS;
	while (sc_now_ns() < end) {
		int err = sc_collapse(getpid(), self->seg.addr, sc_extent());

		ASSERT_TRUE(err == EHWPOISON || err == EAGAIN)
			TH_LOG("%s", err ? strerror(err) : "success");
		requests++;
	}
	for (i = 0; i < MAPPERS; i++)
		rounds += sc_wait(&self->m[i]);
	TH_LOG("%ld requests, %ld rounds of touching and dropping", requests, rounds);
	EXPECT_LT(0, requests);
	sc_faults_off();
	expect_right_now(_metadata, self, MAPPERS);
}

TEST_HARNESS_MAIN
