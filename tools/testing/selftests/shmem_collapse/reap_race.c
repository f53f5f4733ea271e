// SPDX-License-Identifier: GPL-2.0
/* Tables are given back while their processes fault, fork, remap and exit. */
#include "race.h"
#include "tables.h"

#include <sys/mman.h>
#include <sys/wait.h>

/* Requests of every kind, as long as the round lasts, and pages that go meanwhile. */
static void reap_round(struct __test_metadata *_metadata, struct _test_data_race *self,
		       sc_op disturb, uint64_t seed)
{
	uint64_t deadline = 0;
	int i, turn = 0;

	ASSERT_EQ(0, remake(&self->seg, seed));
	ASSERT_EQ(0, sc_punch(&self->seg, EXTENTS / 2 * sc_nr(), EXTENTS / 2 * sc_nr()));
	for (i = 0; i < DISTURBERS; i++)
		sc_send(&self->m[i], disturb, seed, i, 0, 0);
	do {
		int err;

		/* What is wiped out is the second half only: the first has its content. */
		if (turn % 2)
			ASSERT_EQ(0, sc_punch(&self->seg, EXTENTS / 2 * sc_nr(),
					      EXTENTS / 2 * sc_nr()));
		switch (turn++ % 3) {
		case 0:
			err = sc_reapf("%s", self->seg.path);
			break;
		case 1:
			err = sc_reapf("%d", self->m[turn % MAPPERS].pid);
			break;
		default:
			err = sc_collapse(getpid(), self->seg.addr, EXTENTS / 2 * sc_extent());
			err = fair_answer(err) ? 0 : err;
			break;
		}
		self->tries++;
		self->successes += !err;
		EXPECT_TRUE(!err || err == ESRCH)
			TH_LOG("%s", strerror(err));
	} while (until(&deadline));
	for (i = 0; i < DISTURBERS; i++)
		EXPECT_EQ(0, sc_wait(&self->m[i]));
}

static void reap_against(struct __test_metadata *_metadata, struct _test_data_race *self,
			 sc_op disturb)
{
	unsigned long long freed;
	int round, i;

	for (round = 0; round < rounds() && !_metadata->exit_code; round++) {
		reap_round(_metadata, self, disturb, round);
		EXPECT_EQ(0, sc_verify(self->seg.addr, EXTENTS / 2 * sc_extent(), round, 0));
		/* All of it is right, and maps as before. */
		sc_fill(self->seg.addr, self->seg.len, round, 0);
		for (i = 0; i < MAPPERS; i++)
			EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, round, 0, 0, 0));
	}
	freed = sc_grown(&self->before, "page_tables_freed");
	TH_LOG("%llu tables freed", freed);
	EXPECT_LT(0, freed);
}

/* Words of the second half, which others wipe out all the time: zero, or what was written. */
static long op_fault(struct sc_child *child, const long *arg)
{
	size_t half = EXTENTS / 2 * sc_nr(), i = 0;
	uint64_t deadline = 0;
	long wrong = 0;

	do {
		uint64_t *word = (uint64_t *)(child->addr + (half + i) * sc_page());
		uint64_t value = __atomic_load_n(word + arg[1], __ATOMIC_RELAXED);

		wrong += value && value != i + 1;
		__atomic_store_n(word + arg[1], i + 1, __ATOMIC_RELAXED);
		i = (i + 61) % half;
	} while (until(&deadline));
	return wrong;
}

RACE_TEST(faults)
{
	reap_against(_metadata, self, op_fault);
}

static long op_forks(struct sc_child *child, const long *arg)
{
	size_t half = EXTENTS / 2 * sc_extent();
	uint64_t deadline = 0;
	long wrong = 0;
	int status;

	do {
		pid_t pid;

		sc_touch(child->addr, child->len);
		pid = fork();
		if (pid < 0)
			return -1;
		if (!pid) {
			sc_touch(child->addr + half, half);
			_exit(sc_verify(child->addr, half, arg[0], 0) ? 1 : 0);
		}
		waitpid(pid, &status, 0);
		wrong += status != 0;
	} while (until(&deadline));
	return wrong;
}

RACE_TEST(forks_and_exits)
{
	reap_against(_metadata, self, op_forks);
}

static long op_moves(struct sc_child *child, const long *arg)
{
	size_t half = EXTENTS / 2 * sc_extent();
	uint64_t deadline = 0;
	long wrong = 0;

	do {
		char *to = sc_reserve(child->len, 0);

		sc_touch(child->addr, child->len);
		if (mremap(child->addr, child->len, child->len, MREMAP_MAYMOVE | MREMAP_FIXED,
			   to) != to)
			return -1;
		child->addr = to;
		wrong += sc_verify(child->addr, half, arg[0], 0) != 0;
	} while (until(&deadline));
	return wrong;
}

RACE_TEST(moves)
{
	reap_against(_metadata, self, op_moves);
}

/* Mappings that come, are split and joined, and go. */
static long op_maps(struct sc_child *child, const long *arg)
{
	size_t half = EXTENTS / 2 * sc_extent();
	uint64_t deadline = 0;
	long wrong = 0;

	do {
		char *view = sc_map(shared->fd, child->len, PROT_READ | PROT_WRITE, MAP_SHARED, 0);

		if (view == MAP_FAILED)
			return -1;
		sc_touch(view, child->len);
		mprotect(view + half + sc_extent() / 2, sc_extent() / 2, PROT_READ);
		sc_touch(view + half, half);
		mprotect(view + half + sc_extent() / 2, sc_extent() / 2, PROT_READ | PROT_WRITE);
		madvise(view + half, half, MADV_DONTNEED);
		wrong += sc_verify(view, half, arg[0], 0) != 0;
		munmap(view, child->len);
	} while (until(&deadline));
	return wrong;
}

RACE_TEST(mappings)
{
	reap_against(_metadata, self, op_maps);
}

/* Looks at tables that come and go: what is told is what may be. */
static long op_looks(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;
	long wrong = 0;

	do {
		const char *answer = sc_tables(getpid(), child->addr, child->len);

		if (!answer)
			return errno;
		wrong += sc_figure_total(answer, "pte_tables") > EXTENTS;
		wrong += sc_figure_total(answer, "empty_tables") >
			 sc_figure_total(answer, "pte_tables");
		wrong += sc_figure_total(answer, "page") + sc_figure_total(answer, "none") >
			 (long long)(EXTENTS * sc_nr());
		sc_touch(child->addr, child->len);
	} while (until(&deadline));
	return wrong;
}

RACE_TEST(looks)
{
	reap_against(_metadata, self, op_looks);
}

TEST_HARNESS_MAIN
