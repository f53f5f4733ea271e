// SPDX-License-Identifier: GPL-2.0
/*
 * Extents of which some or all pages are swapped out. Where no page was mapped none is mapped by a
 * request: the first touch maps the extent huge.
 */
#include "fixture.h"

#include <fcntl.h>

static const char *no_swap;	/* the reason */
static long swapped;		/* pages, of the one test this process runs */

#define TWO_FILLED_EXTENTS() \
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED))

#define SWAP_OUT(addr, len) do { \
	swapped = sc_swap_out(addr, len); \
	ASSERT_LT(0, swapped) \
		TH_LOG("nothing was swapped out"); \
} while (0)

SC_TEST(all_pages)
{
	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	SWAP_OUT(self->seg.addr, self->seg.len);
	ASSERT_LT((long)sc_nr(), swapped);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_smaps(getpid(), self->seg.addr, self->seg.len, "Swap"));
	EXPECT_GROWN(swapped, "pages_swapped_in");
	EXPECT_GROWN(0, "holes_filled");
}

SC_TEST(some_pages)
{
	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	SWAP_OUT(self->seg.addr + sc_extent() / 2, sc_extent());
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(swapped, "pages_swapped_in");
}

SC_TEST(swap_space_is_given_back)
{
	long long used;

	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	used = sc_meminfo("SwapTotal") - sc_meminfo("SwapFree");
	SWAP_OUT(self->seg.addr, self->seg.len);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(used, sc_meminfo("SwapTotal") - sc_meminfo("SwapFree"));
	sc_destroy(&self->seg);
	EXPECT_EQ(used, sc_meminfo("SwapTotal") - sc_meminfo("SwapFree"));
}

SC_TEST(by_path_with_nobody_mapping)
{
	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	SWAP_OUT(self->seg.addr, self->seg.len);
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	self->seg.addr = NULL;
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, self->seg.len, SC_SEED));
	EXPECT_GROWN(2, "collapsed");
	EXPECT_GROWN(swapped, "pages_swapped_in");
}

SC_TEST(many_mappers)
{
	struct sc_mapper m[4];
	int i;

	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	SWAP_OUT(self->seg.addr, self->seg.len);
	ASSERT_EQ(0, sc_spawn_n(m, 4, &self->seg, SC_UNRELATED));
	/* They bring some of the pages back; the last of the file stay out. */
	for (i = 0; i < 4; i++)
		EXPECT_NE(-1, sc_call(&m[i], sc_op_peek, i, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapse_retry(m[0].pid, m[0].addr, self->seg.len, 20));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		EXPECT_EQ(2, sc_huge_mapped(m[i].pid, m[i].addr, self->seg.len));
	}
	sc_kill(m, 4);
}

SC_TEST(swapped_pages_and_holes)
{
	size_t i;

	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	for (i = 0; i < sc_nr(); i += 2)
		ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       i * sc_page(), sc_page()));
	SWAP_OUT(self->seg.addr, self->seg.len);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	for (i = 0; i < 2 * sc_nr(); i++) {
		char *page = self->seg.addr + i * sc_page();

		EXPECT_TRUE(i < sc_nr() && i % 2 == 0 ? sc_page_is_zero(page) :
			    sc_page_is(page, SC_SEED, i));
	}
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(sc_nr() / 2, "holes_filled");
	EXPECT_GROWN(swapped, "pages_swapped_in");
}

SC_TEST(limit_on_swapped_pages)
{
	struct sc_account before, after;

	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	SWAP_OUT(self->seg.addr, sc_extent());
	ASSERT_EQ(0, sc_knob_set_number("max_ptes_swap", swapped - 1));
	sc_account(&before, self->seg.fd, getpid(), NULL);
	EXPECT_ERRNO(EBUSY, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_GROWN(1, "failed_too_many_swapped");
	EXPECT_GROWN(0, "pages_swapped_in");

	ASSERT_EQ(0, sc_knob_set_number("max_ptes_swap", swapped));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(no_swapped_pages_allowed)
{
	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	ASSERT_EQ(0, sc_knob_set("max_ptes_swap", "0"));
	SWAP_OUT(self->seg.addr, sc_extent());
	EXPECT_ERRNO(EBUSY, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	/* The other extent is not concerned. */
	EXPECT_GROWN(1, "failed_too_many_swapped");
	EXPECT_GROWN(1, "collapsed");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* Middle-sized folios go out as one and leave one large entry. */
SC_TEST(large_swap_entries)
{
	size_t kb = 16 * sc_page() / 1024;

	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	if (sc_mthp(kb, "always"))
		SKIP(return, "the kernel has no shmem folios of %zu KiB", kb);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_LT(0, sc_compound_pages(self->seg.addr, self->seg.len));
	SWAP_OUT(self->seg.addr, self->seg.len);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(swapped, "pages_swapped_in");
}

/* What became huge can be swapped out and collapsed again. */
SC_TEST(out_and_in_again)
{
	int round;

	if (sc_swap_on(&no_swap))
		SKIP(return, "%s", no_swap);
	TWO_FILLED_EXTENTS();
	for (round = 0; round < 3; round++) {
		SWAP_OUT(self->seg.addr, self->seg.len);
		ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
		EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	}
}

TEST_HARNESS_MAIN
