// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that keep their page table: afterwards they have what they had, page by page, without a
 * fault, and what their entries alone know is not lost.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define WRITTEN		5	/* the page that is written after everybody looked */
#define FOREIGN		9	/* the page that keeps the table where one does */

/* A mapping of @len bytes, from page @index of the file on. */
struct view {
	char *addr;
	size_t len, index;
	int uffd;
};

FIXTURE(kept)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct view view;
};

FIXTURE_VARIANT(kept)
{
	/* Returns 0 or the errno of what the kernel does not have. */
	int (*make)(const struct sc_segment *seg, struct view *view);
	bool private, exchanged;
};

static int map(const struct sc_segment *seg, struct view *view, size_t shift, int flags)
{
	char *at = sc_reserve(view->len + sc_extent(), view->index * sc_page());

	if (at == MAP_FAILED)
		return ENOMEM;
	view->addr = mmap(at + shift, view->len, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
			  seg->fd, view->index * sc_page());
	return view->addr == MAP_FAILED ? errno : 0;
}

static int make_aligned(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED);
}

static int make_misaligned(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, sc_page(), MAP_SHARED);
}

static int make_half(const struct sc_segment *seg, struct view *view)
{
	view->len /= 2;
	return map(seg, view, 0, MAP_SHARED);
}

/* Begins behind the beginning of the extent, in the middle of a table. */
static int make_rest(const struct sc_segment *seg, struct view *view)
{
	view->index = 3;
	view->len -= 3 * sc_page();
	return map(seg, view, 0, MAP_SHARED);
}

static int make_refused(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED) ?:
	       (madvise(view->addr, view->len, MADV_NOHUGEPAGE) ? errno : 0);
}

static int make_pieces(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED) ?:
	       (mprotect(view->addr + view->len / 2, view->len / 2, PROT_READ) ? errno : 0);
}

static int make_guarded(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED) ?:
	       (madvise(view->addr + FOREIGN * sc_page(), sc_page(), MADV_GUARD_INSTALL) ?
		errno : 0);
}

static int make_private(const struct sc_segment *seg, struct view *view)
{
	int err = map(seg, view, 0, MAP_PRIVATE);

	if (!err)
		sc_fill_page(view->addr + FOREIGN * sc_page(), SC_SEED, FOREIGN);
	return err;
}

static int make_watched(const struct sc_segment *seg, struct view *view)
{
	int err = map(seg, view, 0, MAP_SHARED);

	if (err)
		return err;
	view->uffd = sc_uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, view->addr, view->len,
				   UFFDIO_REGISTER_MODE_WP);
	return view->uffd < 0 ? errno : 0;
}

FIXTURE_VARIANT_ADD(kept, aligned)
{
	.make = make_aligned,
	.exchanged = true,
};

FIXTURE_VARIANT_ADD(kept, misaligned)
{
	.make = make_misaligned,
};

FIXTURE_VARIANT_ADD(kept, half)
{
	.make = make_half,
};

FIXTURE_VARIANT_ADD(kept, rest)
{
	.make = make_rest,
};

FIXTURE_VARIANT_ADD(kept, refused)
{
	.make = make_refused,
};

FIXTURE_VARIANT_ADD(kept, pieces)
{
	.make = make_pieces,
};

FIXTURE_VARIANT_ADD(kept, guarded)
{
	.make = make_guarded,
};

FIXTURE_VARIANT_ADD(kept, private)
{
	.make = make_private,
	.private = true,
};

FIXTURE_VARIANT_ADD(kept, watched)
{
	.make = make_watched,
};

FIXTURE_SETUP(kept)
{
	SC_SETUP();
	self->view.uffd = -1;
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	munmap(self->seg.addr, self->seg.len);
	self->seg.addr = NULL;
	self->view.len = self->seg.len;
}

FIXTURE_TEARDOWN(kept)
{
	/* A test that is skipped has made none, and there may be code at address 0 and above. */
	if (self->view.addr)
		munmap(self->view.addr, self->view.len);
	if (self->view.uffd >= 0)
		close(self->view.uffd);
	SC_TEARDOWN();
}

#define KEPT_TEST(name) TEST_F_TIMEOUT(kept, name, SC_TIMEOUT)

static char *page_of(const struct view *view, size_t page)
{
	return view->addr + page * sc_page();
}

/* A guard page may not be touched; all others have to have the data. */
static size_t wrong_pages(const struct view *view)
{
	return sc_verify(view->addr, FOREIGN * sc_page(), SC_SEED, view->index) +
	       sc_verify(page_of(view, FOREIGN + 1), view->len - (FOREIGN + 1) * sc_page(),
			 SC_SEED, view->index + FOREIGN + 1);
}

static long faults(const struct view *view)
{
	return sc_touch(view->addr, FOREIGN * sc_page()) +
	       sc_touch(page_of(view, FOREIGN + 1), view->len - (FOREIGN + 1) * sc_page());
}

#define NO_SUCH_MAPPING "such a mapping cannot be made here"

#define COLLAPSE() do { \
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path)); \
	EXPECT_GROWN(1, "collapsed"); \
} while (0)

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

static bool soft_dirty(const struct view *view, size_t page)
{
	return sc_soft_dirty(getpid(), page_of(view, page));
}

#define NO_SOFT_DIRTY "the kernel has no soft-dirty bits"

/* From here on what is written is told from what is not. */
static bool track(const struct view *view)
{
	return soft_dirty(view, WRITTEN) && !sc_write_file("/proc/self/clear_refs", "4") &&
	       !soft_dirty(view, WRITTEN);
}

static void write_page(const struct view *view, size_t page)
{
	sc_fill_page(page_of(view, page), SC_SEED, view->index + page);
}

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

/* --- attempts that fail ------------------------------------------------------------------------- */

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
