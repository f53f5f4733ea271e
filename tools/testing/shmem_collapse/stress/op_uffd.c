// SPDX-License-Identifier: GPL-2.0
/* userfaultfd in every mode, on a view of one's own, for a moment. */
#include "uffd.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static _Alignas(65536) char buf[65536];

static void use(struct view *v, struct rng *r)
{
	int i;

	for (i = 0; i < 3; i++) {
		dwell(v, r);
		if (!v->private)
			op_write(r);
		op_punch(r);
	}
}

bool op_uffd_missing(struct rng *r)
{
	struct view *v = view_any(r, false);
	struct watch w;

	if (!v || !watch_begin(&w, v, UFFDIO_REGISTER_MODE_MISSING, UFFD_FEATURE_MISSING_SHMEM))
		return false;
	if (one_in(r, 2)) {
		private_forget(v, 0, v->pages);
		madvise(v->addr, v->pages * sc_page(), MADV_DONTNEED);
	}
	use(v, r);
	watch_end(&w);
	return true;
}

bool op_uffd_minor(struct rng *r)
{
	struct view *v = view_any(r, true);
	struct watch w;

	if (!v || !watch_begin(&w, v, UFFDIO_REGISTER_MODE_MINOR, UFFD_FEATURE_MINOR_SHMEM))
		return false;
	madvise(v->addr, v->pages * sc_page(), MADV_DONTNEED);
	use(v, r);
	watch_end(&w);
	return true;
}

/*
 * A page that is protected must tell of the next write, whatever became of it meanwhile; only a
 * truncation may take the protection away, and nobody truncates what is locked.
 */
static bool expect_event(struct watch *w, struct rng *r)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct view *v = w->view;
	size_t at = below(r, v->pages), index = v->first + at;
	uint64_t addr = (uint64_t)view_page(v, at);
	bool done;

	if (!page_lock(v->file, index))
		return false;
	wp.range.start = addr;
	wp.range.len = sc_page();
	done = !ioctl(w->fd, UFFDIO_WRITEPROTECT, &wp);
	__atomic_store_n(&w->page, addr, __ATOMIC_SEQ_CST);
	__atomic_store_n(&w->events, 0, __ATOMIC_SEQ_CST);
	usleep(below(r, 20000));
	page_next(v->file, index, buf);
	if (copy_trapped((void *)addr, buf, sc_page())) {
		page_unlock(v->file, index, UNKNOWN);
		return false;
	}
	if (done && !__atomic_load_n(&w->events, __ATOMIC_SEQ_CST))
		complain("file %d page %zu lost its write protection by userfaultfd", v->file->id,
			 index);
	page_unlock(v->file, index, DATA);
	count(&world->pages_written, 1);
	return done;
}

/* RWP is not kept where nothing is mapped, so only the bytes can be checked. */
static bool forbid_access(struct watch *w, struct rng *r)
{
	struct view *v = w->view;
	size_t at = below(r, v->pages);
	struct uffdio_rwprotect rwp = {
		.mode = UFFDIO_RWPROTECT_MODE_RWP,
		.range.start = (unsigned long)view_page(v, at),
		.range.len = (v->pages - at) * sc_page(),
	};

	if (ioctl(w->fd, UFFDIO_RWPROTECT, &rwp))
		return false;
	dwell(v, r);
	return true;
}

static bool protect(struct rng *r, uint64_t mode, uint64_t features)
{
	struct view *v = view_any(r, true);
	bool done = false;
	struct watch w;
	int i;

	if (!v || !watch_begin(&w, v, mode, features))
		return false;
	if (mode == UFFDIO_REGISTER_MODE_WP && one_in(r, 2)) {
		struct uffdio_writeprotect all = {
			.range.start = (unsigned long)v->addr,
			.range.len = v->pages * sc_page(),
			.mode = UFFDIO_WRITEPROTECT_MODE_WP,
		};

		ioctl(w.fd, UFFDIO_WRITEPROTECT, &all);
	}
	for (i = 0; i < 4; i++)
		done |= mode == UFFDIO_REGISTER_MODE_WP ? expect_event(&w, r) :
			forbid_access(&w, r);
	use(v, r);
	watch_end(&w);
	return done;
}

bool op_uffd_wp(struct rng *r)
{
	return protect(r, UFFDIO_REGISTER_MODE_WP,
		       UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
}

bool op_uffd_rwp(struct rng *r)
{
	return protect(r, UFFDIO_REGISTER_MODE_RWP, UFFD_FEATURE_RWP);
}

/* Fills a hole from outside. */
bool op_uffd_copy(struct rng *r)
{
	struct view *v = view_any(r, true);
	struct uffdio_copy copy = { .src = (unsigned long)buf, .len = sc_page() };
	size_t at, index, turns;
	bool done = false;
	struct watch w;

	if (!v || !watch_begin(&w, v, UFFDIO_REGISTER_MODE_MISSING, UFFD_FEATURE_MISSING_SHMEM))
		return false;
	for (turns = 0; turns < 4; turns++) {
		at = below(r, v->pages);
		index = v->first + at;
		if (!page_lock(v->file, index))
			continue;
		copy.dst = (unsigned long)view_page(v, at);
		if (madvise(view_page(v, at), sc_page(), MADV_REMOVE)) {
			page_unlock(v->file, index, UNKNOWN);
			continue;
		}
		/* Somebody may read and so fill it, or a collapse, with zeroes. */
		usleep(below(r, 1000));
		page_next(v->file, index, buf);
		if (ioctl(w.fd, UFFDIO_COPY, &copy)) {
			page_unlock(v->file, index, ZERO);
		} else {
			page_unlock(v->file, index, DATA);
			done = true;
		}
		view_check(v, at);
	}
	watch_end(&w);
	return done;
}

/* A marker that makes every access fail, until the page is dropped from the mapping. */
bool op_uffd_poison(struct rng *r)
{
	struct view *v = view_any(r, true);
	size_t at, n, turns;
	struct uffdio_poison poison = { .mode = 0 };
	struct watch w;
	bool done;

	if (!v || !watch_begin(&w, v, UFFDIO_REGISTER_MODE_MISSING,
			       UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_POISON))
		return false;
	at = below(r, v->pages);
	n = 1 + below(r, (v->pages - at) < 8 ? v->pages - at : 8);
	/* A truncation would remove the marker. */
	n = page_lock_range(v->file, v->first + at, n);
	view_change_begin(v);
	poison.range.start = (unsigned long)view_page(v, at);
	poison.range.len = n * sc_page();
	madvise(view_page(v, at), n * sc_page(), MADV_DONTNEED);
	done = n && !ioctl(w.fd, UFFDIO_POISON, &poison);
	/* The marker outlives what made it. */
	if (one_in(r, 2)) {
		struct uffdio_range all = {
			.start = (unsigned long)v->addr,
			.len = v->pages * sc_page(),
		};

		ioctl(w.fd, UFFDIO_UNREGISTER, &all);
	}
	for (turns = 0; done && turns < 3; turns++) {
		if (!copy_trapped(buf, view_page(v, at + below(r, n)), 8))
			complain("a page poisoned by userfaultfd can be read");
		usleep(below(r, 8000));
	}
	madvise(view_page(v, at), n * sc_page(), MADV_DONTNEED);
	for (turns = 0; turns < n; turns++)
		page_give_back(v->file, v->first + at + turns);
	view_change_end(v);
	watch_end(&w);
	view_check_some(v, r, 4);
	return done;
}
