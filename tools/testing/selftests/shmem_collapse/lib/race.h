/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests against everything else that happens to shared memory at the same time. Each round is
 * bounded by time; afterwards every byte is where it must be and a last request succeeds.
 */
#ifndef SC_RACE_H
#define SC_RACE_H

#define SC_OWN_FIXTURE
#include "fixture.h"

#include <fcntl.h>

#define MAPPERS		4
#define DISTURBERS	2
#define EXTENTS		4
#define ROUND_NS	100000000ull

static int rounds(void)
{
	return sc_brief() ? 2 : 8;
}

static struct sc_segment *shared;	/* inherited by the disturbers */

static bool until(uint64_t *deadline)
{
	if (!*deadline)
		*deadline = sc_now_ns() + ROUND_NS;
	return sc_now_ns() < *deadline;
}

/* Small pages again, with new content. */
static int remake(struct sc_segment *seg, uint64_t seed)
{
	if (fallocate(seg->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, seg->len))
		return errno;
	sc_fill(seg->addr, seg->len, seed, 0);
	return 0;
}

FIXTURE(race)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAPPERS];
	unsigned long tries, successes;
};

FIXTURE_SETUP(race)
{
	SC_SETUP();
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	shared = &self->seg;
	ASSERT_EQ(0, sc_spawn_n(self->m, MAPPERS, &self->seg, SC_FORKED));
}

FIXTURE_TEARDOWN(race)
{
	TH_LOG("%lu of %lu requests succeeded at once", self->successes, self->tries);
	sc_kill(self->m, MAPPERS);
	SC_TEARDOWN();
}

#define RACE_TEST(name) TEST_F_TIMEOUT(race, name, SC_TIMEOUT)

/* The answers a race may have; anything else is a mistake of the module. */
static bool fair_answer(int err)
{
	return !err || err == EAGAIN || err == ENODATA || err == ESRCH;
}

/* What a round ends with, unless it changes the content: everything huge, right and mapped. */
static void expect_all_right(struct __test_metadata *_metadata, struct _test_data_race *self,
			     uint64_t seed)
{
	int i;

	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 100));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, seed, 0));
	for (i = 0; i < MAPPERS; i++)
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, seed, 0, 0, 0));
}

/* @disturb runs in some of the mappers while the file is collapsed again and again. */
static void one_round(struct __test_metadata *_metadata, struct _test_data_race *self,
		      sc_op disturb, uint64_t seed)
{
	uint64_t deadline = 0;
	int i;

	/* By turns one extent at a time or several, mapped at once or by faults. */
	ASSERT_EQ(0, sc_knob_set_number("workers", seed % 2 ? sysconf(_SC_NPROCESSORS_ONLN) : 1));
	ASSERT_EQ(0, sc_knob_set_number("map_all", seed % 4 != 3));
	ASSERT_EQ(0, remake(&self->seg, seed));
	for (i = 0; i < MAPPERS; i++)
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_verify, seed, 0, 0, 0));
	for (i = 0; i < DISTURBERS; i++)
		sc_send(&self->m[i], disturb, seed, i, 0, 0);
	while (until(&deadline)) {
		int err = sc_collapsef("%s", self->seg.path);

		self->tries++;
		self->successes += !err;
		ASSERT_TRUE(fair_answer(err))
			TH_LOG("%s", strerror(err));
		if (!err)
			usleep(1000);
	}
	for (i = 0; i < DISTURBERS; i++)
		EXPECT_EQ(0, sc_wait(&self->m[i]));
}

static __always_unused void race_with(struct __test_metadata *_metadata, struct _test_data_race *self,
		      sc_op disturb)
{
	int round;

	for (round = 0; round < rounds() && !_metadata->exit_code; round++) {
		one_round(_metadata, self, disturb, round);
		expect_all_right(_metadata, self, round);
	}
}

#endif /* SC_RACE_H */
