/* SPDX-License-Identifier: GPL-2.0 */
/* One extent, and a mapping of it of each kind that keeps its page table, or gives it up. */
#ifndef SC_KEPT_H
#define SC_KEPT_H

#define SC_OWN_FIXTURE
#include "fixture.h"
#include "view.h"

#define WRITTEN		5	/* the page that is written after everybody looked */

FIXTURE(kept)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct view view;
};

FIXTURE_VARIANT(kept)
{
	int (*make)(const struct sc_segment *seg, struct view *view);
	bool private, exchanged;
};

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

#define NO_SUCH_MAPPING "such a mapping cannot be made here"

#define COLLAPSE() do { \
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path)); \
	EXPECT_GROWN(1, "collapsed"); \
} while (0)

/* --- soft-dirty bits ----------------------------------------------------------------------------- */

static __always_unused bool soft_dirty(const struct view *view, size_t page)
{
	return sc_soft_dirty(getpid(), page_of(view, page));
}

#define NO_SOFT_DIRTY "the kernel has no soft-dirty bits"

/* From here on what is written is told from what is not. */
static __always_unused bool track(const struct view *view)
{
	return soft_dirty(view, WRITTEN) && !sc_write_file("/proc/self/clear_refs", "4") &&
	       !soft_dirty(view, WRITTEN);
}

static __always_unused void write_page(const struct view *view, size_t page)
{
	sc_fill_page(page_of(view, page), SC_SEED, view->index + page);
}

#endif /* SC_KEPT_H */
