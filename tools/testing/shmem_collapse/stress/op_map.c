// SPDX-License-Identifier: GPL-2.0
/* Mappings come, go, move, and change what they allow. */
#include "stress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char buf[65536];

bool op_map(struct rng *r)
{
	int number = below(r, VIEWS);

	if (view_map(number, r))
		return false;
	view_check_some(&views[number], r, 4);
	return true;
}

/* A place of @len bytes whose distance to an extent's boundary suits the file, or not. */
static char *new_place(const struct view *v, size_t len, struct rng *r)
{
	size_t shift = one_in(r, 3) ? below(r, sc_nr()) : 0;

	return sc_reserve(len, (v->first + shift) * sc_page());
}

bool op_move(struct rng *r)
{
	struct view *v = view_any(r, false);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	size_t len;
	char *to;

	if (!v)
		return false;
	len = v->pages * sc_page();
	to = new_place(v, len, r);
	if (to == MAP_FAILED)
		return false;
	view_change_begin(v);
	/* Another thread of this process may have taken the place: it has none here. */
	if (one_in(r, 4) && !v->private && v->file->id != SYSV) {
		if (mremap(v->addr, len, len, flags | MREMAP_DONTUNMAP, to) == to) {
			munmap(v->addr, len);
			v->addr = to;
		}
	} else if (mremap(v->addr, len, len, flags, to) == to) {
		v->addr = to;
	}
	view_change_end(v);
	view_check_some(v, r, 8);
	return v->addr == to;
}

/* Shorter, a look, and as long as before. */
bool op_resize(struct rng *r)
{
	struct view *v = view_any(r, false);
	size_t less, len;
	char *at;

	if (!v || v->pages < 2 || v->file->id == SYSV)
		return false;
	less = 1 + below(r, v->pages - 1);
	len = v->pages * sc_page();
	view_change_begin(v);
	if (mremap(v->addr, len, less * sc_page(), 0) != v->addr) {
		view_change_end(v);
		return false;
	}
	private_forget(v, less, v->pages - less);
	view_check(v, below(r, less));
	at = mremap(v->addr, less * sc_page(), len, MREMAP_MAYMOVE);
	if (at == MAP_FAILED) {
		v->pages = less;
	} else {
		v->addr = at;
		v->pages = len / sc_page();
	}
	view_change_end(v);
	view_check_some(v, r, 8);
	return at != MAP_FAILED;
}

/* A part of the mapping goes and comes back. */
bool op_pierce(struct rng *r)
{
	struct view *v = view_any(r, false);
	size_t at, n;
	int prot;
	char *to;

	if (!v || v->file->fd < 0)
		return false;
	at = below(r, v->pages);
	n = 1 + below(r, v->pages - at);
	prot = PROT_READ | (v->writable ? PROT_WRITE : 0);
	view_change_begin(v);
	munmap(view_page(v, at), n * sc_page());
	private_forget(v, at, n);
	if (at)
		view_check(v, below(r, at));
	to = mmap(view_page(v, at), n * sc_page(), prot,
		  (v->private ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED_NOREPLACE, v->file->fd,
		  (v->first + at) * sc_page());
	if (to == MAP_FAILED) {
		/* Out of mappings: what is left is of no use. */
		munmap(v->addr, v->pages * sc_page());
		v->addr = NULL;
	}
	view_change_end(v);
	if (!v->addr)
		return false;
	view_check_some(v, r, 8);
	return true;
}

static bool is_denied(struct view *v, size_t at, bool write)
{
	char *page = view_page(v, at);

	return copy_trapped(write ? page : buf, write ? buf : page, 8) == SIGSEGV;
}

bool op_protect(struct rng *r)
{
	struct view *v = view_any(r, false);
	bool none = one_in(r, 3);
	size_t at, n;

	if (!v)
		return false;
	at = below(r, v->pages);
	n = 1 + below(r, v->pages - at);
	view_change_begin(v);
	if (mprotect(view_page(v, at), n * sc_page(), none ? PROT_NONE : PROT_READ)) {
		view_change_end(v);
		return false;
	}
	usleep(below(r, 4000));
	/* Never written to: a mistake here would be one of the kernel. */
	if (none && !is_denied(v, at + below(r, n), false))
		complain("a mapping that forbids access can be read");
	if (!is_denied(v, at + below(r, n), true))
		complain("a read-only mapping can be written");
	if (!none)
		view_check_some(v, r, 8);
	if (mprotect(view_page(v, at), n * sc_page(), PROT_READ | (v->writable ? PROT_WRITE : 0)))
		view_unmap(v - views);
	else
		view_change_end(v);
	return true;
}

/* Not what is private and writable: that would get a copy of every page. */
bool op_lock(struct rng *r)
{
	struct view *v = view_any(r, false);
	size_t at, n;
	int err;

	if (!v || (v->private && v->writable))
		return false;
	at = below(r, v->pages);
	n = 1 + below(r, v->pages - at);
	err = mlock2(view_page(v, at), n * sc_page(), one_in(r, 3) ? MLOCK_ONFAULT : 0);
	dwell(v, r);
	munlock(view_page(v, at), n * sc_page());
	return !err;
}

static struct view *any_private(struct rng *r, bool writable)
{
	size_t from = below(r, VIEWS), i;

	for (i = 0; i < VIEWS; i++) {
		struct view *v = &views[(from + i) % VIEWS];

		if (v->addr && v->private && v->writable == writable)
			return v;
	}
	return NULL;
}

static bool write_copies(struct rng *r, bool by_debugger)
{
	struct view *v = any_private(r, !by_debugger);
	size_t n = 1 + below(r, 8), at, i;
	bool done = false;

	if (!v)
		return false;
	at = below(r, v->pages);
	for (i = 0; i < n && at + i < v->pages; i++) {
		uint64_t version = one_in(r, 3) ? 1 + below(r, 15) : 16 + below(r, 1 << 30);

		done |= private_write(v, at + i, version, by_debugger);
	}
	view_check_some(v, r, 4);
	return done;
}

bool op_private_write(struct rng *r)
{
	return write_copies(r, false);
}

bool op_ptraced_write(struct rng *r)
{
	return write_copies(r, true);
}
