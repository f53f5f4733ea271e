// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that keep their table, unmapped from the middle of a table on while it has migration
 * entries, in attempts that fail and in others that do not. The CPUs are busy, so that a zap gives
 * up its lock half-way. An entry that is left behind hangs who touches it.
 */
#include "race.h"

#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define REQUESTS	3	/* of a round */
#define ALARM_SECONDS	120	/* no access takes as long */

struct victim {
	char *addr, *other;	/* where it is mapped, and where it may be moved to */
	size_t len, state;
};

static size_t next(struct victim *v)
{
	v->state = v->state * 6364136223846793005ull + 1442695040888963407ull;
	return v->state >> 33;
}

/* A part that begins and ends inside of tables. */
static char *some(struct victim *v, size_t *len)
{
	size_t pages = v->len / sc_page(), first = next(v) % (pages - 1);

	*len = (1 + next(v) % (pages - first)) * sc_page();
	return v->addr + first * sc_page();
}

static int unmap_some(struct victim *v)
{
	size_t len;
	char *at = some(v, &len);

	return munmap(at, len) || mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				       shared->fd, at - v->addr) == MAP_FAILED;
}

static int drop_some(struct victim *v)
{
	size_t len;
	char *at = some(v, &len);

	return madvise(at, len, MADV_DONTNEED);
}

static int move(struct victim *v)
{
	char *old = v->addr;

	if (mremap(old, v->len, v->len, MREMAP_MAYMOVE | MREMAP_FIXED, v->other) == MAP_FAILED)
		return -1;
	v->addr = v->other;
	v->other = old;
	return 0;
}

/* A child that copies tables with entries in them, and goes as soon as it is there. */
static int fork_and_exit(struct victim *v)
{
	pid_t pid = sc_fork();

	if (!pid)
		_exit(0);
	return sc_join(pid);
}

/* More mappings of the same pages, whose tables fork() copies entry by entry. */
static void map_copied(const struct sc_child *child)
{
	char *guarded = sc_map(shared->fd, child->len, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	char *watched = sc_map(shared->fd, child->len, PROT_READ | PROT_WRITE, MAP_SHARED, 0);

	if (guarded != MAP_FAILED) {
		madvise(guarded, sc_page(), MADV_GUARD_INSTALL);
		sc_touch(guarded + sc_page(), child->len - sc_page());
	}
	if (watched != MAP_FAILED) {
		sc_uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, watched, child->len,
			      UFFDIO_REGISTER_MODE_WP);
		sc_touch(watched, child->len);
	}
}

static struct victim v;
static volatile sig_atomic_t enough;

static void on_enough(int signal)
{
	enough = 1;
}

/* The mapping is misaligned from here on; there are two places for it. */
static long op_prepare(struct sc_child *child, const long *arg)
{
	signal(SIGUSR1, on_enough);
	map_copied(child);
	v.len = child->len;
	v.addr = child->addr;
	v.other = sc_reserve(2 * (v.len + sc_extent()), 0) + sc_page();
	if (move(&v))
		return -1;
	/* Once before the other place in the tree, and once behind it. */
	v.other = v.addr + v.len + sc_extent();
	child->addr = v.addr;
	return 0;
}

/* seed, number -> wrong pages, or -1; until there is a signal */
static long op_zap(struct sc_child *child, const long *arg)
{
	int (*const what[])(struct victim *) = { unmap_some, drop_some, move, fork_and_exit };

	alarm(ALARM_SECONDS);
	v.state = arg[0] * DISTURBERS + arg[1];
	for (; !enough; sc_touch(v.addr, v.len))
		if (what[next(&v) % ARRAY_SIZE(what)](&v))
			return -1;
	enough = 0;
	child->addr = v.addr;
	alarm(0);
	return sc_verify(v.addr, v.len, arg[0], 0);
}

/* Keeps a CPU busy. */
static pid_t spin(void)
{
	pid_t pid = sc_fork();

	while (!pid)
		;
	return pid;
}

/* One round's requests; every second has its first attempts rolled back. */
static void ask(struct __test_metadata *_metadata, struct _test_data_race *self)
{
	int i;

	for (i = 0; i < REQUESTS; i++) {
		int err;

		if (sc_has_faults() && i % 2)
			sc_fail("references_unmapped", 1 + i, 0);
		err = sc_collapsef("%s", self->seg.path);
		self->tries++;
		self->successes += !err;
		EXPECT_TRUE(fair_answer(err))
			TH_LOG("%s", strerror(err));
		sc_touch(self->seg.addr, self->seg.len);
		sc_split(self->seg.addr, self->seg.len);
	}
	sc_faults_off();
}

RACE_TEST(H43_half_a_zap)
{
	pid_t spinner[2] = { spin(), spin() };
	int round, i;

	ASSERT_EQ(0, sc_knob_set("patience_ms", "20"));
	for (i = 0; i < DISTURBERS; i++)
		ASSERT_EQ(0, sc_call(&self->m[i], op_prepare, 0, 0, 0, 0));
	for (round = 0; round < rounds() && !_metadata->exit_code; round++) {
		ASSERT_EQ(0, remake(&self->seg, round));
		for (i = 0; i < DISTURBERS; i++)
			sc_send(&self->m[i], op_zap, round, i, 0, 0);
		ask(_metadata, self);
		for (i = 0; i < DISTURBERS; i++)
			kill(self->m[i].pid, SIGUSR1);
		for (i = 0; i < DISTURBERS; i++)
			EXPECT_EQ(0, sc_wait(&self->m[i]));
		expect_all_right(_metadata, self, round);
	}
	for (i = 0; i < ARRAY_SIZE(spinner); i++)
		kill(spinner[i], SIGKILL);
}

TEST_HARNESS_MAIN
