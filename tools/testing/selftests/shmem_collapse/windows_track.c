// SPDX-License-Identifier: GPL-2.0
/*
 * Who tracks writes looks while a request waits between two steps: by soft-dirty bits, or by
 * PAGEMAP_SCAN, which protects what it has seen. What is written later is seen at the next look,
 * whether the attempt succeeds or is rolled back. On a debug kernel only.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"
#include "view.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define WRITTEN		5

FIXTURE(track)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct view view;
};

FIXTURE_VARIANT(track)
{
	int (*make)(const struct sc_segment *seg, struct view *view);
	/* Forgets what was written so far; and says whether the page was since. */
	int (*forget)(const struct view *view);
	bool (*sees)(const struct view *view, size_t page);
	bool whole;		/* one entry stands for all pages */
	const char *place;
	const char *fails;	/* point that fails once, so that the attempt is rolled back */
};

static int forget_bits(const struct view *view)
{
	return sc_write_file("/proc/self/clear_refs", "4");
}

static bool sees_bit(const struct view *view, size_t page)
{
	return sc_soft_dirty(getpid(), page_of(view, page));
}

/* Written pages of the range, which are protected then if @flags say so; -1 if that fails. */
static long scan(const char *at, size_t len, uint64_t flags)
{
	struct page_region region[8];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = flags,
		.start = (unsigned long)at,
		.end = (unsigned long)at + len,
		.vec = (unsigned long)region,
		.vec_len = ARRAY_SIZE(region),
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), n = -1, i;
	long pages = 0;

	while (fd >= 0 && arg.start < arg.end) {
		n = ioctl(fd, PAGEMAP_SCAN, &arg);
		if (n < 0)
			break;
		for (i = 0; i < n; i++)
			pages += (region[i].end - region[i].start) / sc_page();
		arg.start = arg.walk_end;
	}
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : pages;
}

static int forget_scanned(const struct view *view)
{
	return scan(view->addr, view->len, PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC) < 0;
}

static bool sees_scanned(const struct view *view, size_t page)
{
	return scan(page_of(view, page), sc_page(), 0) == 1;
}

static int watch(struct view *view, int err)
{
	if (err)
		return err;
	view->uffd = sc_uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED |
				   UFFD_FEATURE_WP_ASYNC, view->addr, view->len,
				   UFFDIO_REGISTER_MODE_WP);
	return view->uffd < 0 ? errno : 0;
}

static int make_scanned(const struct sc_segment *seg, struct view *view)
{
	return watch(view, make_aligned(seg, view));
}

static int make_scanned_misaligned(const struct sc_segment *seg, struct view *view)
{
	return watch(view, make_misaligned(seg, view));
}

#define BITS	.forget = forget_bits, .sees = sees_bit
#define SCANNED	.forget = forget_scanned, .sees = sees_scanned
#define FORWARD	.place = "copied"
#define BACK	.place = "rolling_back", .fails = "freeze"

FIXTURE_VARIANT_ADD(track, bits) { .make = make_aligned, .whole = true, BITS, FORWARD };
FIXTURE_VARIANT_ADD(track, bits_back) { .make = make_aligned, .whole = true, BITS, BACK };
FIXTURE_VARIANT_ADD(track, bits_misaligned) { .make = make_misaligned, BITS, FORWARD };
FIXTURE_VARIANT_ADD(track, bits_misaligned_back) { .make = make_misaligned, BITS, BACK };
FIXTURE_VARIANT_ADD(track, bits_guarded) { .make = make_guarded, BITS, FORWARD };
FIXTURE_VARIANT_ADD(track, bits_guarded_back) { .make = make_guarded, BITS, BACK };
FIXTURE_VARIANT_ADD(track, scanned) { .make = make_scanned, SCANNED, FORWARD };
FIXTURE_VARIANT_ADD(track, scanned_back) { .make = make_scanned, SCANNED, BACK };
FIXTURE_VARIANT_ADD(track, scanned_misaligned)
{
	.make = make_scanned_misaligned, SCANNED, FORWARD,
};

FIXTURE_VARIANT_ADD(track, scanned_misaligned_back)
{
	.make = make_scanned_misaligned, SCANNED, BACK,
};

FIXTURE_SETUP(track)
{
	SC_SETUP();
	self->view.uffd = -1;
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	self->view.len = self->seg.len;
}

FIXTURE_TEARDOWN(track)
{
	if (self->view.addr)
		munmap(self->view.addr, self->view.len);
	if (self->view.uffd >= 0)
		close(self->view.uffd);
	SC_TEARDOWN();
}

static void write_page(const struct view *view, size_t page)
{
	sc_fill_page(page_of(view, page), SC_SEED, page);
}

TEST_F_TIMEOUT(track, H37_looked_at_meanwhile, SC_TIMEOUT)
{
	struct view *view = &self->view;
	pid_t writer;
	size_t page;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (variant->make(&self->seg, view))
		SKIP(return, "such a mapping cannot be made here");
	/* Writable, and written. */
	for (page = 0; page < sc_nr(); page++)
		if (page != FOREIGN)
			write_page(view, page);
	if (variant->forget(view) || variant->sees(view, WRITTEN))
		SKIP(return, "the kernel does not track writes in this way");
	write_page(view, WRITTEN);
	ASSERT_TRUE(variant->sees(view, WRITTEN));
	if (variant->fails)
		ASSERT_EQ(0, sc_fail(variant->fails, 1, 0));
	writer = OPEN_WINDOW(variant->place);
	EXPECT_TRUE(variant->sees(view, WRITTEN));
	EXPECT_EQ(0, variant->forget(view));
	EXPECT_ERRNO(0, sc_window_close(writer, variant->place));
	/* One page of those that were written before, and one that was not. */
	for (page = WRITTEN; page <= WRITTEN + 1; page++) {
		/* A huge page that is dirty counts as written: more is reported then, not less. */
		if (!variant->whole)
			EXPECT_FALSE(variant->sees(view, page));
		write_page(view, page);
		EXPECT_TRUE(variant->sees(view, page))
			TH_LOG("page %zu", page);
	}
	EXPECT_EQ(0, wrong_pages(view));
}

TEST_HARNESS_MAIN
