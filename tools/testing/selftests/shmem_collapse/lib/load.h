/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests with the knobs as they are by default, beside what keeps the pages busy all the time.
 * The extents are split between rounds. What is left small is counted, and so are faults; nothing
 * here depends on time. SC_BRIEF asks for a tenth of the collapses.
 */
#ifndef SC_LOAD_H
#define SC_LOAD_H

#define SC_OWN_FIXTURE
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MAPPERS		8

/* Of a program: processes that make load, extents of a round, collapses that a test is about. */
#ifndef LOADERS
#define LOADERS		2
#endif
#ifndef EXTENTS
#define EXTENTS		32
#define COLLAPSES	2000
#endif

/* Whether a memory control group of their own pays for memory and processes. */
#ifndef LOAD_GROUP
#define LOAD_GROUP	false
#endif

/* How often a request that left something small may be repeated, if briefly. */
#define REPEATS		4

/* What test and load share. */
struct sc_load {
	unsigned long turns[LOADERS];	/* of the load: it does what it is there for */
	bool asking;			/* a request is on its way */
	bool hold;			/* the load shall pause between two turns */
	bool stop;
};

FIXTURE(load)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAPPERS];
	pid_t loader[LOADERS];
	struct sc_load *load;
	char group[128];	/* that is charged for all of it, with LOAD_GROUP */
	/* Extents that were small at a first request, after it, and after it was repeated. */
	unsigned long tried, first, left;
};

static struct sc_segment *shared;	/* inherited by who makes the load */
static struct sc_load *load;

static void stop_load(pid_t *loader)
{
	int i;

	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < LOADERS; i++) {
		if (loader[i] > 0) {
			kill(loader[i], SIGKILL);
			waitpid(loader[i], NULL, 0);
		}
		loader[i] = -1;
	}
}

FIXTURE_SETUP(load)
{
	int i;

	for (i = 0; i < LOADERS; i++)
		self->loader[i] = -1;
	self->load = mmap(NULL, sc_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, self->load);
	load = self->load;
	SC_SETUP();
	/* It makes pages fault that are mapped, to see who uses them. */
	sc_switch("/proc/sys/kernel/numa_balancing", "0");
	if (LOAD_GROUP) {
		if (sc_cgroup_create(self->group, sizeof(self->group), "sc-load"))
			SKIP(return, "no memory control groups");
		ASSERT_EQ(0, sc_cgroup_enter(self->group, getpid()));
	}
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	shared = &self->seg;
	ASSERT_EQ(0, sc_spawn_n(self->m, MAPPERS, &self->seg, SC_FORKED));
}

FIXTURE_TEARDOWN(load)
{
	TH_LOG("of %lu extents %lu were left small at first, %lu in the end, after %llu attempts",
	       self->tried, self->first, self->left, sc_grown(&self->before, "attempts"));
	sc_print_grown(&self->before, "failed_");
	stop_load(self->loader);
	sc_kill(self->m, MAPPERS);
	SC_TEARDOWN();
	munmap(self->load, sc_page());
	if (self->group[0]) {
		sc_cgroup_enter("/sys/fs/cgroup", getpid());
		sc_cgroup_remove(self->group);
	}
}

#define LOAD_TEST(name) TEST_F_TIMEOUT(load, name, 5 * SC_TIMEOUT)

static inline unsigned long collapses(void)
{
	return sc_brief() ? COLLAPSES / 10 : COLLAPSES;
}

/* While a round is prepared. */
static inline bool held(void)
{
	bool hold = __atomic_load_n(&load->hold, __ATOMIC_RELAXED);

	if (hold)
		usleep(100);
	return hold;
}

static inline void turn(int nr)
{
	__atomic_add_fetch(&load->turns[nr], 1, __ATOMIC_RELAXED);
	while (held())
		;
}

/* @make never returns. */
static __always_unused void start_load(struct _test_data_load *self, int loaders,
				       void (*make)(int nr))
{
	int i;

	for (i = 0; i < loaders; i++) {
		self->loader[i] = sc_fork();
		if (!self->loader[i])
			make(i);
	}
}

static __always_unused long faults_of(struct sc_mapper *m, int first)
{
	long faults = 0;
	int i;

	for (i = first; i < MAPPERS; i++)
		faults += sc_call(&m[i], sc_op_touch, 0, 0, 0, 0);
	return faults;
}

/* Extents that are small after one request; @collapsed grows by those that it made huge. */
static long ask_once(struct __test_metadata *_metadata, struct _test_data_load *self,
		     unsigned long *collapsed)
{
	long long done = sc_read_number(SC_DIR "/stats/collapsed");
	long long failed = sc_read_number(SC_DIR "/stats/failed");
	int err = sc_collapsef("%s", self->seg.path);

	failed = sc_read_number(SC_DIR "/stats/failed") - failed;
	*collapsed += sc_read_number(SC_DIR "/stats/collapsed") - done;
	EXPECT_TRUE(!err || err == EAGAIN)
		TH_LOG("%s", strerror(err));
	/* The answer is that of the extents. */
	EXPECT_EQ(!err, !failed);
	return failed;
}

/*
 * A round's request. An emulated machine on a busy host gets little done within the patience, so
 * that briefly it may be repeated, while the load goes on.
 */
static __always_unused void ask(struct __test_metadata *_metadata, struct _test_data_load *self)
{
	int repeats = sc_brief() ? REPEATS : 0;
	long left;

	__atomic_store_n(&load->asking, true, __ATOMIC_RELAXED);
	left = ask_once(_metadata, self, &self->tried);
	self->tried += left;
	self->first += left;
	while (left && repeats-- && !_metadata->exit_code)
		left = ask_once(_metadata, self, &(unsigned long){ 0 });
	self->left += left;
	__atomic_store_n(&load->asking, false, __ATOMIC_RELAXED);
}

/* Small pages again, mapped by all mappers from the first to be asked on. */
static int split(struct _test_data_load *self, int first)
{
	int err;

	__atomic_store_n(&load->hold, true, __ATOMIC_RELAXED);
	/* Only what is mapped here is found by its address. */
	sc_touch(self->seg.addr, self->seg.len);
	err = sc_split(self->seg.addr, self->seg.len);
	/* Where that cannot be set, it is slower. */
	sc_fault_around(sc_extent());
	faults_of(self->m, first);
	sc_fault_around(SC_FAULT_AROUND);
	__atomic_store_n(&load->hold, false, __ATOMIC_RELAXED);
	return err == EAGAIN || err == EBUSY ? 0 : err;
}

/* Mappers from @first on take orders, those before are part of the load. */
static __always_unused void rounds_under_load(struct __test_metadata *_metadata, struct _test_data_load *self,
			      int first)
{
	/* The load may be faster, and leave nothing to collapse. */
	unsigned long rounds = 4 * collapses() / EXTENTS;

	while (self->tried < collapses() && rounds-- && !_metadata->exit_code) {
		ASSERT_ERRNO(0, split(self, first));
		ask(_metadata, self);
	}
	EXPECT_LE(collapses() / 4, self->tried);
}

/* Nobody faults at the first touch. */
static void expect_mapped(struct __test_metadata *_metadata, struct _test_data_load *self,
			  int first)
{
	long pages = self->seg.len / sc_page(), mapped, faults;
	int i;

	for (i = first; i < MAPPERS; i++) {
		mapped = sc_present(self->m[i].pid, self->m[i].addr, self->seg.len);
		faults = sc_call(&self->m[i], sc_op_touch, 0, 0, 0, 0);
		EXPECT_EQ(0, faults)
			TH_LOG("mapper %d, which has %ld of %ld pages mapped", i, mapped, pages);
	}
}

/* Everything is huge, mapped and right once nothing interferes. */
static __always_unused void expect_all_huge(struct __test_metadata *_metadata, struct _test_data_load *self,
			    int first)
{
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(EXTENTS, sc_huge_mapped(self->m[MAPPERS - 1].pid, self->seg.addr, self->seg.len));
	expect_mapped(_metadata, self, first);
}

static __always_unused void expect_right(struct __test_metadata *_metadata,
					 struct _test_data_load *self)
{
	int i;

	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, self->seg.len, SC_SEED));
	for (i = 0; i < MAPPERS; i++)
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
}

/* @unmaps: the load takes mappings away by itself, so that who has none is no fault of ours. */
static __always_unused void beside(struct __test_metadata *_metadata, struct _test_data_load *self,
				   int loaders, void (*make)(int nr), bool unmaps)
{
	int i;

	/* So that whoever touches memory for the first time has done it. */
	faults_of(self->m, 0);
	start_load(self, loaders, make);
	rounds_under_load(_metadata, self, 0);
	for (i = 0; i < loaders; i++) {
		EXPECT_EQ(0, waitpid(self->loader[i], NULL, WNOHANG))
			TH_LOG("load %d has ended", i);
	}
	stop_load(self->loader);
	for (i = 0; i < loaders; i++)
		EXPECT_LT(0, load->turns[i]);
	if (unmaps)
		faults_of(self->m, 0);
	else
		expect_mapped(_metadata, self, 0);
	expect_all_huge(_metadata, self, 0);
	expect_right(_metadata, self);
	EXPECT_EQ(0, self->left);
}

#endif /* SC_LOAD_H */
