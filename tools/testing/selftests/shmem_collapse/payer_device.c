// SPDX-License-Identifier: GPL-2.0
/* Who makes huge pages by the device pays for them, and learns nothing about other groups. */
#include "device.h"

#include "groups.h"

#define EXPECT_TOLD(what) \
	EXPECT_EQ((long)(what), sc_call(&g.m, sc_op_tell, 0, 0, 0, 0))

SC_TEST(the_caller_pays_for_pages_of_others)
{
	struct groups g;

	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr(), 1));
	ASSERT_EQ(0, join(&g, 1));
	EXPECT_TOLD(SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

/* With as many holes as pages, or fewer: whoever fills them pays. */
SC_TEST(the_caller_pays_for_holes)
{
	struct groups g;

	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr(), 2));
	ASSERT_EQ(0, join(&g, 1));
	EXPECT_TOLD(SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_GROWN(sc_nr() / 2, "holes_filled");
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

SC_TEST(the_caller_has_one_page_of_many)
{
	struct groups g;

	BEGIN_GROUPS(3, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr() - 1, 2));
	ASSERT_EQ(0, give(&g, 1, 1, sc_nr() - 1, 2));
	ASSERT_EQ(0, give(&g, 2, sc_nr() - 1, sc_nr(), 1));
	EXPECT_TOLD(SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_PAYER(2);
	groups_end(&g, &self->seg);
}

/* Whether a group of others has room for a huge page cannot be learned, nor does it matter. */
SC_TEST(full_group_of_others)
{
	struct groups g;
	long long max;

	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr(), 1));
	EXPECT_EQ((long long)sc_extent(), has(&g, 0, "shmem", sc_extent()));
	ASSERT_EQ(0, join(&g, 1));
	ASSERT_EQ(0, limit(&g, 0, sc_extent() + sc_extent() / 2));
	max = event(&g, 0, "max");
	EXPECT_TOLD(SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_EQ(max, event(&g, 0, "max"));
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

SC_TEST(full_group_of_the_caller)
{
	struct groups g;
	long long max;

	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr(), 1));
	ASSERT_EQ(0, join(&g, 1));
	ASSERT_EQ(0, limit(&g, 1, sc_extent() / 2));
	max = event(&g, 1, "max");
	EXPECT_TOLD(SHMEM_COLLAPSE_MEMCG_LIMIT);
	EXPECT_LT(max, event(&g, 1, "max"));
	EXPECT_EQ((long long)sc_extent(), has(&g, 0, "shmem", sc_extent()));
	EXPECT_EQ(0, has(&g, 0, "shmem_thp", 0));
	/* The administrator has the pages' owner pay, whose group has room. */
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_PAYER(0);
	groups_end(&g, &self->seg);
}

TEST_HARNESS_MAIN
