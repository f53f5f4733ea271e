/* SPDX-License-Identifier: GPL-2.0 */
/* Mappings of a segment of each kind that a collapse treats in a way of its own. */
#ifndef SC_VIEW_H
#define SC_VIEW_H

#include "sc.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define FOREIGN		9	/* the page that keeps the table where one does */

/* A mapping of @len bytes, from page @index of the file on. */
struct view {
	char *addr;
	size_t len, index;
	int uffd;
};

/* A maker returns 0 or the errno of what the kernel does not have. */
static int map(const struct sc_segment *seg, struct view *view, size_t shift, int flags)
{
	char *at = sc_reserve(view->len + sc_extent(), view->index * sc_page());

	if (at == MAP_FAILED)
		return ENOMEM;
	view->addr = mmap(at + shift, view->len, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
			  seg->fd, view->index * sc_page());
	return view->addr == MAP_FAILED ? errno : 0;
}

static __always_unused int make_aligned(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED);
}

static __always_unused int make_misaligned(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, sc_page(), MAP_SHARED);
}

static __always_unused int make_half(const struct sc_segment *seg, struct view *view)
{
	view->len /= 2;
	return map(seg, view, 0, MAP_SHARED);
}

/* Begins behind the beginning of the extent, in the middle of a table. */
static __always_unused int make_rest(const struct sc_segment *seg, struct view *view)
{
	view->index = 3;
	view->len -= 3 * sc_page();
	return map(seg, view, 0, MAP_SHARED);
}

static __always_unused int make_refused(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED) ?:
	       (madvise(view->addr, view->len, MADV_NOHUGEPAGE) ? errno : 0);
}

static __always_unused int make_pieces(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED) ?:
	       (mprotect(view->addr + view->len / 2, view->len / 2, PROT_READ) ? errno : 0);
}

static __always_unused int make_guarded(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_SHARED) ?:
	       (madvise(view->addr + FOREIGN * sc_page(), sc_page(), MADV_GUARD_INSTALL) ?
		errno : 0);
}

static __always_unused int make_private(const struct sc_segment *seg, struct view *view)
{
	int err = map(seg, view, 0, MAP_PRIVATE);

	if (!err)
		sc_fill_page(view->addr + FOREIGN * sc_page(), SC_SEED, FOREIGN);
	return err;
}

static __always_unused int make_watched(const struct sc_segment *seg, struct view *view)
{
	int err = map(seg, view, 0, MAP_SHARED);

	if (err)
		return err;
	view->uffd = sc_uffd_watch(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, view->addr, view->len,
				   UFFDIO_REGISTER_MODE_WP);
	return view->uffd < 0 ? errno : 0;
}

static inline char *page_of(const struct view *view, size_t page)
{
	return view->addr + page * sc_page();
}

/* A guard page may not be touched; all others have to have the data. */
static __always_unused size_t wrong_pages(const struct view *view)
{
	return sc_verify(view->addr, FOREIGN * sc_page(), SC_SEED, view->index) +
	       sc_verify(page_of(view, FOREIGN + 1), view->len - (FOREIGN + 1) * sc_page(),
			 SC_SEED, view->index + FOREIGN + 1);
}

static __always_unused long faults(const struct view *view)
{
	return sc_touch(view->addr, FOREIGN * sc_page()) +
	       sc_touch(page_of(view, FOREIGN + 1), view->len - (FOREIGN + 1) * sc_page());
}

#endif /* SC_VIEW_H */
