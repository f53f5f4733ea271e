// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that keep their page table: afterwards they have what they had, page by page, without a
 * fault, and what their entries alone know is not lost.
 */
#include "kept.h"

/* What was mapped is mapped: nobody faults, and nothing is counted twice. */
KEPT_TEST(H43_mapped_as_before)
{
	long long rss;

	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	rss = sc_rss(getpid());
	COLLAPSE();
	EXPECT_EQ(variant->exchanged, sc_huge_mapped(getpid(), self->view.addr, self->view.len));
	EXPECT_EQ(rss, sc_rss(getpid()));
	EXPECT_EQ(0, faults(&self->view));
	EXPECT_EQ(rss, sc_rss(getpid()));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

/* No page is mapped that was not: only the table as a whole is. */
KEPT_TEST(H43_nothing_else_is_mapped)
{
	size_t quarter = self->view.len / 4;
	long present;

	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	ASSERT_EQ(0, madvise(self->view.addr + quarter, quarter, MADV_DONTNEED));
	present = sc_present(getpid(), self->view.addr, self->view.len);
	COLLAPSE();
	EXPECT_EQ(variant->exchanged ? (long)sc_nr() : present,
		  sc_present(getpid(), self->view.addr, self->view.len));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

/* Each process faults for itself where it shall. */
KEPT_TEST(nothing_is_mapped_without_map_all)
{
	long own = variant->private;

	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	ASSERT_EQ(0, sc_knob_set("map_all", "0"));
	COLLAPSE();
	EXPECT_EQ(own, sc_present(getpid(), self->view.addr, self->view.len));
	EXPECT_EQ(0, sc_rss(getpid()));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

/* --- soft-dirty bits ----------------------------------------------------------------------------- */

/* A private mapping has a copy of the page then, which nobody takes away. */
#define COLLAPSE_TRACKED(map_all) do { \
	write_page(&self->view, WRITTEN); \
	ASSERT_TRUE(soft_dirty(&self->view, WRITTEN)); \
	ASSERT_EQ(0, sc_knob_set("map_all", map_all)); \
	COLLAPSE(); \
} while (0)

KEPT_TEST(H37_soft_dirty_stays)
{
	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	if (!track(&self->view))
		SKIP(return, NO_SOFT_DIRTY);
	COLLAPSE_TRACKED("1");
	EXPECT_TRUE(soft_dirty(&self->view, WRITTEN));
	/* One entry for all of them has one bit. */
	EXPECT_EQ(variant->exchanged, soft_dirty(&self->view, WRITTEN + 1));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

KEPT_TEST(H37_soft_dirty_stays_without_map_all)
{
	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	if (!track(&self->view))
		SKIP(return, NO_SOFT_DIRTY);
	COLLAPSE_TRACKED("0");
	EXPECT_TRUE(soft_dirty(&self->view, WRITTEN));
	/* Nothing is lost with the others. */
	EXPECT_EQ(variant->exchanged ? (long)sc_nr() : 1 + variant->private,
		  sc_present(getpid(), self->view.addr, self->view.len));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

/* A page that became writable again without a fault would be missing in the next round. */
KEPT_TEST(H37_later_writes_are_seen)
{
	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	if (!track(&self->view))
		SKIP(return, NO_SOFT_DIRTY);
	COLLAPSE_TRACKED("1");
	ASSERT_EQ(0, sc_write_file("/proc/self/clear_refs", "4"));
	EXPECT_FALSE(soft_dirty(&self->view, WRITTEN));
	write_page(&self->view, WRITTEN);
	EXPECT_TRUE(soft_dirty(&self->view, WRITTEN));
	write_page(&self->view, WRITTEN + 1);
	EXPECT_TRUE(soft_dirty(&self->view, WRITTEN + 1));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

KEPT_TEST(H37_writes_after_the_collapse_are_seen)
{
	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	if (!track(&self->view))
		SKIP(return, NO_SOFT_DIRTY);
	COLLAPSE();
	EXPECT_FALSE(soft_dirty(&self->view, WRITTEN));
	write_page(&self->view, WRITTEN);
	EXPECT_TRUE(soft_dirty(&self->view, WRITTEN));
}

TEST_HARNESS_MAIN
