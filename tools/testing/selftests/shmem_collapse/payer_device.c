// SPDX-License-Identifier: GPL-2.0
/* Who makes huge pages by the device pays for them, and learns nothing about other groups. */
#include "device.h"

#include <sys/mman.h>

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

/* Memory of the caller's alone, in small pages. */
static long op_hoard(struct sc_child *child, const long *arg)
{
	size_t len = arg[0] * sc_extent();
	char *own = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (own == MAP_FAILED)
		return errno;
	madvise(own, len, MADV_NOHUGEPAGE);
	memset(own, 1, len);
	return 0;
}

/* With direct_reclaim the caller's group makes room for its huge page, and no other does. */
SC_TEST(reclaim_from_the_callers_group)
{
	const char *reason;
	struct groups g;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr(), 1));
	ASSERT_EQ(0, join(&g, 1));
	ASSERT_EQ(0, limit(&g, 1, 3 * sc_extent()));
	ASSERT_EQ(0, sc_call(&g.m, op_hoard, 2, 0, 0, 0));
	ASSERT_EQ(0, limit(&g, 1, 2 * sc_extent() + sc_extent() / 2));
	EXPECT_TOLD(SHMEM_COLLAPSE_MEMCG_LIMIT);
	ASSERT_EQ(0, sc_knob_set("direct_reclaim", "1"));
	EXPECT_TOLD(SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_EQ(0, event(&g, 0, "max"));
	EXPECT_EQ(0, event(&g, 1, "oom"));
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

static long op_swap_out(struct sc_child *child, const long *arg)
{
	return sc_swap_out(child->addr, child->len);
}

/* Swapped pages come back at the cost of who owned them, as by a read(). */
SC_TEST(swapped_pages_of_a_full_group)
{
	const char *reason;
	struct groups g;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr(), 1));
	ASSERT_EQ((long)sc_nr(), sc_call(&g.m, op_swap_out, 0, 0, 0, 0));
	ASSERT_EQ(0, join(&g, 1));
	ASSERT_EQ(0, limit(&g, 0, sc_extent() / 8));
	EXPECT_TOLD(SHMEM_COLLAPSE_NO_MEMORY);
	EXPECT_EQ(0, has(&g, 1, "shmem", 0));
	ASSERT_EQ(0, limit(&g, 0, 4 * sc_extent()));
	EXPECT_TOLD(SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_PAYER(1);
	EXPECT_EQ(0, sc_call(&g.m, sc_op_verify, SC_SEED, 0, 0, 0));
	groups_end(&g, &self->seg);
}

TEST_HARNESS_MAIN
