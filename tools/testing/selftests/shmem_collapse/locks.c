// SPDX-License-Identifier: GPL-2.0
/* No mmap lock is taken, neither the writer's nor a target's, as the kernel's own events show. */
#define SC_OWN_FIXTURE
#include "fixture.h"

#define MAPPERS 8

FIXTURE(locks)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAPPERS];
	struct sc_events events;
	int unavailable;
};

FIXTURE_SETUP(locks)
{
	int i;

	SC_SETUP();
	self->unavailable = sc_events_open();
	if (self->unavailable)
		return;
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 4, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(self->m, MAPPERS, &self->seg, SC_UNRELATED));
	for (i = 0; i < MAPPERS; i++) {
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		ASSERT_EQ(0, sc_events_learn(&self->events, &self->m[i]));
	}
}

FIXTURE_TEARDOWN(locks)
{
	if (!self->unavailable)
		sc_events_close();
	sc_kill(self->m, MAPPERS);
	SC_TEARDOWN();
}

#define LOCKS_TEST(name) TEST_F_TIMEOUT(locks, name, SC_TIMEOUT)

#define EXPECT_NO_EVENTS(request) do { \
	EXPECT_ERRNO(0, sc_events_run(&self->events, request)); \
	EXPECT_EQ(0, self->events.lost); \
	EXPECT_EQ(0, self->events.by_writer); \
	EXPECT_EQ(0, self->events.on_targets); \
} while (0)

#define NO_EVENTS "no mmap_lock events: %s", strerror(self->unavailable)

/* The method itself: a call that does take the lock is seen. */
LOCKS_TEST(events_are_seen)
{
	struct sc_events again = {};

	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	ASSERT_EQ(MAPPERS, self->events.count);
	ASSERT_EQ(0, sc_events_learn(&again, &self->m[0]));
	EXPECT_STREQ(self->events.target[0].mm, again.target[0].mm);
	EXPECT_STRNE(self->events.target[0].mm, self->events.target[1].mm);
}

LOCKS_TEST(none_for_a_range_of_a_process)
{
	char request[96];
	unsigned long at;
	int i;

	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	at = (unsigned long)self->m[0].addr;
	snprintf(request, sizeof(request), "%d,0x%lx,0x%lx", self->m[0].pid, at,
		 at + self->seg.len);
	EXPECT_NO_EVENTS(request);
	for (i = 0; i < MAPPERS; i++)
		EXPECT_EQ(4, sc_huge_mapped(self->m[i].pid, self->m[i].addr, self->seg.len));
}

LOCKS_TEST(none_for_a_whole_process)
{
	char request[32];

	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	snprintf(request, sizeof(request), "%d", self->m[3].pid);
	EXPECT_NO_EVENTS(request);
	EXPECT_EQ(4, sc_huge_mapped(self->m[0].pid, self->m[0].addr, self->seg.len));
}

LOCKS_TEST(none_for_a_file)
{
	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	EXPECT_NO_EVENTS(self->seg.path);
	EXPECT_EQ(4, sc_huge_mapped(self->m[0].pid, self->m[0].addr, self->seg.len));
}

LOCKS_TEST(none_with_holes)
{
	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	ASSERT_EQ(0, madvise(self->seg.addr, sc_extent() / 2, MADV_REMOVE));
	EXPECT_NO_EVENTS(self->seg.path);
	EXPECT_GROWN(4, "collapsed");
}

LOCKS_TEST(none_with_swapped_pages)
{
	const char *reason;
	int i;

	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	/* What several processes map is not swapped out on request. */
	for (i = 1; i < MAPPERS; i++)
		sc_kill(&self->m[i], 1);
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	self->seg.addr = NULL;
	sc_kill(&self->m[0], 1);
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	ASSERT_LT(0, sc_swap_out(self->seg.addr, self->seg.len));

	self->events.count = 0;
	ASSERT_EQ(0, sc_spawn(&self->m[0], &self->seg, SC_UNRELATED));
	ASSERT_NE(-1, sc_call(&self->m[0], sc_op_peek, 0, 0, 0, 0));
	ASSERT_EQ(0, sc_events_learn(&self->events, &self->m[0]));
	EXPECT_NO_EVENTS(self->seg.path);
	EXPECT_GROWN(4, "collapsed");
	EXPECT_EQ(0, sc_call(&self->m[0], sc_op_verify, SC_SEED, 0, 0, 0));
}

/* Also where the exact slower way is taken: copies, guards, partial mappings. */
LOCKS_TEST(none_with_mappings_that_are_not_simple)
{
	char *copy, *half;

	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	copy = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	half = sc_map(self->seg.fd, sc_extent() / 2, PROT_READ, MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, copy);
	ASSERT_NE(MAP_FAILED, half);
	sc_fill_page(copy, 9, 9);
	EXPECT_EQ(0, sc_verify(copy + sc_page(), self->seg.len - sc_page(), SC_SEED, 1));
	EXPECT_EQ(0, sc_verify(half, sc_extent() / 2, SC_SEED, 0));
	EXPECT_NO_EVENTS(self->seg.path);
	EXPECT_TRUE(sc_page_is(copy, 9, 9));
	EXPECT_EQ(0, sc_verify(half, sc_extent() / 2, SC_SEED, 0));
}

LOCKS_TEST(none_when_it_fails)
{
	if (self->unavailable)
		SKIP(return, NO_EVENTS);
	ASSERT_EQ(0, sc_knob_set("max_ptes_none", "0"));
	ASSERT_EQ(0, madvise(self->seg.addr, sc_page(), MADV_REMOVE));
	EXPECT_ERRNO(EBUSY, sc_events_run(&self->events, self->seg.path));
	EXPECT_EQ(0, self->events.by_writer);
	EXPECT_EQ(0, self->events.on_targets);
}

TEST_HARNESS_MAIN
