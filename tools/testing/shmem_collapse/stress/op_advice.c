// SPDX-License-Identifier: GPL-2.0
/* madvise() of all kinds, and looks at page tables. */
#include "stress.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

static char buf[65536];

/* A piece of a view, whole extents now and then. */
static size_t piece(const struct view *v, struct rng *r, size_t *n)
{
	size_t at = below(r, v->pages);

	*n = 1 + below(r, v->pages - at);
	if (one_in(r, 2))
		return at;
	*n = v->pages;
	return 0;
}

bool op_advise(struct rng *r)
{
	static const struct {
		int advice;
		bool private_too;
	} kinds[] = {
		{ MADV_NORMAL, true }, { MADV_RANDOM, true }, { MADV_SEQUENTIAL, true },
		{ MADV_WILLNEED, true }, { MADV_COLD, true }, { MADV_PAGEOUT, true },
		{ MADV_HUGEPAGE, true }, { MADV_HUGEPAGE, true }, { MADV_NOHUGEPAGE, true },
		{ MADV_POPULATE_READ, true }, { MADV_POPULATE_WRITE, false },
		{ MADV_DONTFORK, true }, { MADV_DOFORK, true }, { MADV_DONTDUMP, true },
		{ MADV_DODUMP, true }, { MADV_FREE, true },
	};
	size_t kind = below(r, ARRAY_SIZE(kinds));
	struct view *v = view_any(r, !kinds[kind].private_too);
	size_t at, n;
	int err;

	if (!v)
		return false;
	at = piece(v, r, &n);
	err = madvise(view_page(v, at), n * sc_page(), kinds[kind].advice);
	view_check_some(v, r, 4);
	/* Else most mappings would refuse huge pages before long. */
	if (kinds[kind].advice == MADV_NOHUGEPAGE) {
		dwell(v, r);
		madvise(v->addr, v->pages * sc_page(), MADV_HUGEPAGE);
	}
	/* Or not be there in a child. */
	if (kinds[kind].advice == MADV_DONTFORK)
		madvise(v->addr, v->pages * sc_page(), MADV_DOFORK);
	return !err;
}

bool op_drop(struct rng *r)
{
	struct view *v = view_any(r, false);
	size_t at, n;
	int err;

	if (!v)
		return false;
	at = piece(v, r, &n);
	private_forget(v, at, n);
	err = madvise(view_page(v, at), n * sc_page(), MADV_DONTNEED);
	view_check_some(v, r, 8);
	return !err;
}

bool op_guard(struct rng *r)
{
	struct view *v = view_any(r, false);
	size_t at, n, there;
	bool done;
	int i;

	if (!v)
		return false;
	at = below(r, v->pages);
	n = 1 + below(r, one_in(r, 4) ? v->pages - at : 1 + (v->pages - at) / 32);
	there = at + below(r, n);
	/* A truncation would remove the marker. */
	if (!page_lock(v->file, v->first + there))
		return false;
	view_change_begin(v);
	private_forget(v, at, n);
	done = !madvise(view_page(v, at), n * sc_page(), MADV_GUARD_INSTALL);
	for (i = 0; done && i < 3; i++) {
		if (copy_trapped(buf, view_page(v, there), 8) != SIGSEGV)
			complain("a guard page of file %d can be read", v->file->id);
		usleep(below(r, 8000));
	}
	if (at)
		view_check(v, below(r, at));
	if (done && madvise(view_page(v, at), n * sc_page(), MADV_GUARD_REMOVE))
		complain("guard pages cannot be removed");
	page_give_back(v->file, v->first + there);
	view_change_end(v);
	view_check_some(v, r, 8);
	return done;
}

bool op_mergeable(struct rng *r)
{
	struct view *v = view_any(r, false);
	int err;

	if (!v)
		return false;
	err = madvise(v->addr, v->pages * sc_page(), MADV_MERGEABLE);
	dwell(v, r);
	if (one_in(r, 2))
		madvise(v->addr, v->pages * sc_page(), MADV_UNMERGEABLE);
	view_check_some(v, r, 4);
	return !err;
}

/* The kernel's way, of one's own memory or that of another process. */
bool op_kernel_collapse(struct rng *r)
{
	struct view *v = view_any(r, false);

	if (v)
		return !madvise(v->addr, v->pages * sc_page(), MADV_COLLAPSE);
	return advise_other(r, MADV_COLLAPSE);
}

bool op_pagemap(struct rng *r)
{
	struct page_region region[16];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.vec = (unsigned long)region,
		.vec_len = 16,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_HUGE,
		.return_mask = PAGE_IS_PRESENT | PAGE_IS_HUGE | PAGE_IS_WRITTEN,
	};
	struct view *v = view_any(r, false);
	int fd, n;

	if (!v)
		return false;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	arg.start = (unsigned long)v->addr;
	arg.end = arg.start + v->pages * sc_page();
	n = ioctl(fd, PAGEMAP_SCAN, &arg);
	close(fd);
	return n >= 0;
}
