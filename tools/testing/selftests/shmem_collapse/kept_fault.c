// SPDX-License-Identifier: GPL-2.0
/*
 * Attempts that fail after the pages were taken out of the page tables, by fault points: mappings
 * of each kind have afterwards what they had, page by page, without a fault.
 */
#include "kept.h"

#define TABLES "VmPTE"

/* All attempts of a request, however many, fail after the pages were taken out of the tables. */
#define FAIL_AT(point) do { \
	ASSERT_EQ(0, sc_knob_set("patience_ms", "30")); \
	ASSERT_EQ(0, sc_fail(point, SC_ALWAYS, 0)); \
	EXPECT_NE(0, sc_collapsef("%s", self->seg.path)); \
	sc_faults_off(); \
	EXPECT_GROWN(0, "collapsed"); \
	EXPECT_LE(2, sc_grown(&self->before, "attempts")); \
} while (0)

/* They cost nobody a mapping: what was mapped is, in a table of the process's own, and counts so. */
KEPT_TEST(H44_H45_mapped_after_a_roll_back)
{
	size_t quarter = self->view.len / 4;
	long long rss, tables;
	long present;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	/* Where nothing is mapped nothing is put. */
	ASSERT_EQ(0, madvise(self->view.addr + quarter, quarter, MADV_DONTNEED));
	rss = sc_rss(getpid());
	tables = sc_status(getpid(), TABLES);
	present = sc_present(getpid(), self->view.addr, self->view.len);
	FAIL_AT("references_unmapped");
	EXPECT_EQ(present, sc_present(getpid(), self->view.addr, self->view.len));
	EXPECT_EQ(rss, sc_rss(getpid()));
	EXPECT_EQ(tables, sc_status(getpid(), TABLES));
	EXPECT_EQ(0, sc_touch(self->view.addr, FOREIGN * sc_page()));
	EXPECT_EQ(0, wrong_pages(&self->view));
	/* And the next request maps it as if there had been no other. */
	COLLAPSE();
	EXPECT_EQ(variant->exchanged, sc_huge_mapped(getpid(), self->view.addr, self->view.len));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

/* So that the next checkpoint finds what was written before, and later. */
KEPT_TEST(H37_soft_dirty_survives_a_roll_back)
{
	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	if (!track(&self->view))
		SKIP(return, NO_SOFT_DIRTY);
	write_page(&self->view, WRITTEN);
	ASSERT_TRUE(soft_dirty(&self->view, WRITTEN));
	FAIL_AT("references_unmapped");
	EXPECT_TRUE(soft_dirty(&self->view, WRITTEN));
	ASSERT_EQ(0, sc_write_file("/proc/self/clear_refs", "4"));
	EXPECT_FALSE(soft_dirty(&self->view, WRITTEN));
	EXPECT_FALSE(soft_dirty(&self->view, WRITTEN + 1));
	write_page(&self->view, WRITTEN + 1);
	EXPECT_TRUE(soft_dirty(&self->view, WRITTEN + 1));
	EXPECT_EQ(0, wrong_pages(&self->view));
}

/* Where a table could not be kept its pmd is empty, and everything counts right. */
KEPT_TEST(H44_table_that_was_not_kept)
{
	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (variant->make(&self->seg, &self->view))
		SKIP(return, NO_SUCH_MAPPING);
	ASSERT_EQ(0, wrong_pages(&self->view));
	ASSERT_EQ(0, sc_fail("keep", SC_ALWAYS, 0));
	ASSERT_EQ(0, sc_fail("copy", SC_ALWAYS, 0));
	EXPECT_NE(0, sc_collapsef("%s", self->seg.path));
	sc_faults_off();
	if (variant->exchanged) {
		EXPECT_EQ(0, sc_present(getpid(), self->view.addr, self->view.len));
		EXPECT_EQ(0, sc_rss(getpid()));
	}
	EXPECT_EQ(0, wrong_pages(&self->view));
	COLLAPSE();
	EXPECT_EQ(0, wrong_pages(&self->view));
}

TEST_HARNESS_MAIN
