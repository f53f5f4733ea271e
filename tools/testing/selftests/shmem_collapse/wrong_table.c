// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes have the same pages at the same addresses, one of them read-only. Attempts fail
 * all the time, so that page tables are taken out and put back, while one writes, which faults,
 * and the other moves its mapping. A table in the wrong place would let it write.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define WRITERS		2	/* threads of one process */
#define EXTENTS		1

FIXTURE(wrong_table)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper writer, reader;
	bool *stop;
};

static bool *stop;	/* of all processes */

static bool go_on(void)
{
	return !__atomic_load_n(stop, __ATOMIC_RELAXED);
}

FIXTURE_SETUP(wrong_table)
{
	SC_SETUP();
	ASSERT_TRUE(sc_has_faults())
		TH_LOG(SC_NO_FAULTS);
	self->stop = mmap(NULL, sc_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, self->stop);
	stop = self->stop;
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&self->writer, &self->seg, SC_FORKED));
	ASSERT_EQ(0, sc_spawn(&self->reader, &self->seg, SC_FORKED));
}

FIXTURE_TEARDOWN(wrong_table)
{
	sc_faults_off();
	sc_kill(&self->writer, 1);
	sc_kill(&self->reader, 1);
	SC_TEARDOWN();
	munmap(self->stop, sc_page());
}

static void *write_all(void *addr)
{
	size_t page = 0;

	for (; go_on(); page = (page + 1) % (EXTENTS * sc_nr()))
		__atomic_fetch_or((uint64_t *)((char *)addr + page * sc_page()), 0,
				  __ATOMIC_RELAXED);
	return NULL;
}

/* Each write is noted, so that each first one after a look is a fault. */
static long op_write(struct sc_child *child, const long *arg)
{
	pthread_t thread[WRITERS];
	long looks = 0;
	int i;

	for (i = 0; i < WRITERS; i++)
		if (pthread_create(&thread[i], NULL, write_all, child->addr))
			return -1;
	for (; go_on(); looks++) {
		sc_write_file("/proc/self/clear_refs", "4");
		usleep(500);
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	return looks;
}

static sigjmp_buf refused;

static void on_segv(int signal)
{
	siglongjmp(refused, 1);
}

static volatile long written;

/* Writes what is there, so that nothing is lost should it succeed. */
static void *try_to_write(void *addr)
{
	volatile size_t page = 0;

	while (go_on()) {
		page = (page + 7) % (EXTENTS * sc_nr());
		if (sigsetjmp(refused, 1))
			continue;
		__atomic_fetch_or((uint64_t *)((char *)addr + page * sc_page()), 0,
				  __ATOMIC_RELAXED);
		written++;
	}
	return NULL;
}

/* -> how often it could write, or -1 */
static long op_move(struct sc_child *child, const long *arg)
{
	char *here = child->addr, *there, *to;
	pthread_t thread;

	if (mprotect(here, child->len, PROT_READ) || signal(SIGSEGV, on_segv) == SIG_ERR ||
	    pthread_create(&thread, NULL, try_to_write, child->addr))
		return -1;
	there = sc_reserve(child->len, 0);
	if (there == MAP_FAILED)
		return -1;
	while (go_on()) {
		sc_touch(here, child->len);
		to = mremap(here, child->len, child->len, MREMAP_MAYMOVE | MREMAP_FIXED, there);
		if (to != there)
			return -1;
		there = here;
		here = to;
	}
	pthread_join(thread, NULL);
	child->addr = here;
	return written;
}

TEST_F_TIMEOUT(wrong_table, H44_rights_of_another, SC_TIMEOUT)
{
	int requests = sc_brief() ? 50 : 200, i;

	ASSERT_EQ(0, sc_knob_set("patience_ms", "0"));
	ASSERT_EQ(0, sc_fail("references_unmapped", SC_ALWAYS, 0));
	sc_send(&self->writer, op_write, 0, 0, 0, 0);
	sc_send(&self->reader, op_move, 0, 0, 0, 0);
	for (i = 0; i < requests; i++)
		EXPECT_ERRNO(EAGAIN, sc_collapsef("%s", self->seg.path));
	EXPECT_LT(0, sc_failed("references_unmapped"));
	__atomic_store_n(stop, true, __ATOMIC_RELAXED);
	EXPECT_LT(0, sc_wait(&self->writer));
	EXPECT_EQ(0, sc_wait(&self->reader));
	sc_faults_off();
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(0, sc_call(&self->writer, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_EQ(0, sc_call(&self->reader, sc_op_verify, SC_SEED, 0, 0, 0));
	/* Counters of tables and pages are looked at by the kernel when the two exit. */
}

/* Bytes of tables that a group pays for, once there are some. */
static long long some_tables(const char *group)
{
	long long bytes = 0;
	int tries;

	for (tries = 0; bytes <= 0 && tries < 60; tries++) {
		if (tries)
			usleep(100000);
		bytes = sc_cgroup_stat(group, "pagetables");
	}
	return bytes;
}

/*
 * The same without a race. Who pays for a table tells whose it was: a group has none left once its
 * only process is gone.
 */
TEST_F_TIMEOUT(wrong_table, H44_tables_of_another, SC_TIMEOUT)
{
	struct sc_mapper *m[] = { &self->writer, &self->reader };
	static const char * const name[] = { "sc-writer", "sc-reader" };
	char group[ARRAY_SIZE(m)][128];
	int i;

	for (i = 0; i < ARRAY_SIZE(m); i++) {
		ASSERT_EQ(0, sc_cgroup_create(group[i], sizeof(group[i]), name[i]));
		ASSERT_EQ(0, sc_cgroup_enter(group[i], m[i]->pid));
		EXPECT_LT(0, sc_call(m[i], sc_op_touch, 0, 0, 0, 0));
	}
	/* This ends an extent at the first attempt. */
	ASSERT_EQ(0, sc_fail("poison", SC_ALWAYS, 0));
	for (i = 0; i < 5; i++)
		EXPECT_ERRNO(EHWPOISON, sc_collapsef("%s", self->seg.path));
	sc_faults_off();
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		EXPECT_EQ(0, sc_call(m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		EXPECT_LT(0, some_tables(group[i]));
		sc_kill(m[i], 1);
		EXPECT_EQ(0, sc_cgroup_settles(group[i], "pagetables", 0));
		sc_cgroup_remove(group[i]);
	}
}

TEST_HARNESS_MAIN
