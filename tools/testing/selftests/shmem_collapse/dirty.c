// SPDX-License-Identifier: GPL-2.0
/*
 * A page that was first read and then written through its mapping is dirty in the page table and
 * nowhere else. A request that gives the extent up takes that table away: unless the folio learns
 * of it, reclaim drops the page as one that holds only zeroes.
 */
#include "fixture.h"

static const char *no_swap;

SC_TEST(H14_written_pages_survive_a_roll_back)
{
	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	ASSERT_EQ(0, sc_create(&self->seg, SC_ANON, 1));
	sc_touch(self->seg.addr, sc_extent());
	sc_fill(self->seg.addr, sc_extent(), SC_SEED, 0);

	ASSERT_EQ(0, sc_fail("copy", 1, 0));
	EXPECT_ERRNO(EHWPOISON, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	sc_faults_off();
	/* Mapped again, but only read: reclaim has nothing but the folio to go by. */
	EXPECT_EQ((long)sc_nr(), sc_present(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_touch(self->seg.addr, sc_extent()));
	ASSERT_LT(0, sc_swap_out(self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
}

TEST_HARNESS_MAIN
