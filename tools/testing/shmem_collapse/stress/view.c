// SPDX-License-Identifier: GPL-2.0
/* Mappings of a user: their shapes, how others see them, and what is private in them. */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <unistd.h>

struct view views[VIEWS];

/* What a private view has at a page: 0 what the file has, else a version of its own. */
#define PRIVATE_UNKNOWN	UINT64_MAX

static struct private {
	uint64_t version, truncations;
} *privates;

static struct private *private_of(const struct view *v, size_t at)
{
	if (!privates)
		privates = calloc(VIEWS * file_pages(), sizeof(*privates));
	return &privates[(v - views) * file_pages() + at];
}

/* --- as others see them --------------------------------------------------------------------- */

static struct window *window_of(const struct view *v)
{
	return &world->worker[me].window[v - views];
}

void view_change_begin(const struct view *v)
{
	__atomic_or_fetch(&window_of(v)->seq, 1, __ATOMIC_SEQ_CST);
}

void view_change_end(const struct view *v)
{
	struct window *w = window_of(v);

	w->addr = (uint64_t)v->addr;
	w->file = v->file ? (int)v->file->id : -1;
	w->first = v->first;
	w->pages = v->pages;
	w->private = v->private;
	if (v->addr)
		__atomic_add_fetch(&w->seq, 1, __ATOMIC_SEQ_CST);
}

bool window_open(int worker, int v, struct window *w, pid_t *pid)
{
	struct window *from = &world->worker[worker].window[v];

	*pid = __atomic_load_n(&world->worker[worker].pid, __ATOMIC_SEQ_CST);
	w->seq = __atomic_load_n(&from->seq, __ATOMIC_SEQ_CST);
	w->addr = from->addr;
	w->file = from->file;
	w->first = from->first;
	w->pages = from->pages;
	w->private = from->private;
	return *pid > 0 && w->seq && w->addr && window_is_same(worker, v, w, *pid);
}

bool window_is_same(int worker, int v, const struct window *w, pid_t pid)
{
	struct window *from = &world->worker[worker].window[v];

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return w->seq % 2 == 0 &&
	       __atomic_load_n(&from->seq, __ATOMIC_SEQ_CST) == w->seq &&
	       __atomic_load_n(&world->worker[worker].pid, __ATOMIC_SEQ_CST) == pid;
}

/* --- shapes --------------------------------------------------------------------------------- */

void view_unmap(int number)
{
	struct view *v = &views[number];

	if (!v->addr)
		return;
	view_change_begin(v);
	/* Pieces of a System V segment go like any other mapping. */
	munmap(v->addr, v->pages * sc_page());
	v->addr = NULL;
	view_change_end(v);
}

static char *map_by_id(const struct view *v)
{
	char *at = sc_reserve(v->pages * sc_page(), 0);

	if (at == MAP_FAILED)
		return at;
	return shmat(v->file->seg.shmid, at, v->writable ? 0 : SHM_RDONLY);
}

static char *map_by_fd(const struct view *v, size_t shift)
{
	int prot = PROT_READ | (v->writable ? PROT_WRITE : 0);

	return sc_map(v->file->fd, v->pages * sc_page(), prot,
		      v->private ? MAP_PRIVATE : MAP_SHARED, (v->first + shift) * sc_page());
}

int view_map(int number, struct rng *r)
{
	struct view *v = &views[number];
	size_t shift = 0;
	char *addr;

	view_unmap(number);
	view_change_begin(v);
	v->file = &files[below(r, FILES)];
	v->first = 0;
	v->pages = file_pages();
	v->private = false;
	v->writable = !one_in(r, 4);
	if (v->file->fd >= 0) {
		v->private = one_in(r, 4);
		if (one_in(r, 4)) {
			v->first = below(r, v->pages / 2);
			v->pages = 1 + below(r, v->pages - v->first);
		}
		/* Addresses that suit the file's extents, or not. */
		shift = one_in(r, 6) ? 1 + below(r, sc_nr() - 1) : 0;
	}
	if (v->file->fd < 0) {
		addr = map_by_id(v);
	} else if (shift) {
		char *at = sc_reserve(v->pages * sc_page(), (v->first + shift) * sc_page());

		addr = at == MAP_FAILED ? at :
		       mmap(at, v->pages * sc_page(), PROT_READ | (v->writable ? PROT_WRITE : 0),
			    (v->private ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED_NOREPLACE,
			    v->file->fd, v->first * sc_page());
	} else {
		addr = map_by_fd(v, 0);
	}
	v->addr = addr == MAP_FAILED ? NULL : addr;
	private_forget(v, 0, v->pages);
	view_change_end(v);
	return v->addr ? 0 : ENOMEM;
}

struct view *view_any(struct rng *r, bool shared_writable)
{
	size_t from = below(r, VIEWS), i;

	for (i = 0; i < VIEWS; i++) {
		struct view *v = &views[(from + i) % VIEWS];

		if (v->addr && (!shared_writable || (v->writable && !v->private)))
			return v;
	}
	return NULL;
}

char *view_page(const struct view *v, size_t at)
{
	return v->addr + at * sc_page();
}

/* --- what is private ------------------------------------------------------------------------ */

void private_note(const struct view *v, size_t at, uint64_t version, uint64_t truncations)
{
	struct private *p = private_of(v, at);

	p->truncations = truncations;
	__atomic_store_n(&p->version, version, __ATOMIC_SEQ_CST);
}

void private_forget(const struct view *v, size_t at, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		private_of(v, at + i)->version = 0;
}

/* Some versions are the same in all processes, for KSM to find. */
uint64_t private_tag(uint64_t version)
{
	return version < 16 ? 0x5a3e : 0x9417 + ((uint64_t)me << 16);
}

/* A child traces us, since some kernels let only tracers write to what is read-only. */
static int write_as_debugger(const void *at, const void *buf)
{
	pid_t target = getpid(), pid = sc_fork();
	char path[32];
	int fd;

	if (pid)
		return pid < 0 ? errno : sc_join(pid);
	if (ptrace(PTRACE_SEIZE, target, NULL, NULL))
		_exit(1);
	snprintf(path, sizeof(path), "/proc/%d/mem", target);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, buf, sc_page(), (off_t)(unsigned long)at) != (ssize_t)sc_page())
		_exit(1);
	_exit(0);	/* which detaches */
}

bool private_write(const struct view *v, size_t at, uint64_t version, bool by_debugger)
{
	uint64_t truncations = page_truncations(v->file, v->first + at);
	static char buf[65536];
	int err;

	private_note(v, at, PRIVATE_UNKNOWN, 0);
	pattern(buf, private_tag(version), version < 16 ? 0 : v->first + at, version);
	if (by_debugger)
		err = write_as_debugger(view_page(v, at), buf);
	else
		err = copy_trapped(view_page(v, at), buf, sc_page());
	if (err || truncations % 2 || page_truncations(v->file, v->first + at) != truncations)
		return false;
	private_note(v, at, version, truncations);
	return true;
}

/* --- checks --------------------------------------------------------------------------------- */

static enum verdict private_check(const struct view *v, size_t at, const struct private *p)
{
	uint64_t before = page_truncations(v->file, v->first + at);
	static char buf[65536];
	int sig = copy_trapped(buf, view_page(v, at), sc_page());

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (p->version == PRIVATE_UNKNOWN || before != p->truncations ||
	    page_truncations(v->file, v->first + at) != before) {
		count(&world->pages_unclear, 1);
		return UNCLEAR;
	}
	if (sig) {
		complain("private copy of file %d page %zu: signal %d", v->file->id,
			 v->first + at, sig);
		return WRONG;
	}
	return pattern_judge(buf, private_tag(p->version), p->version < 16 ? 0 : v->first + at,
			     p->version, "private copy");
}

enum verdict view_check(const struct view *v, size_t at)
{
	uint64_t before = page_state(v->file, v->first + at);
	static char buf[65536];
	int sig;

	if (v->private) {
		const struct private *p = private_of(v, at);

		if (__atomic_load_n(&p->version, __ATOMIC_SEQ_CST))
			return private_check(v, at, p);
	}
	sig = copy_trapped(buf, view_page(v, at), sc_page());
	if (!sig) {
		if (v->private && private_of(v, at)->version)
			return UNCLEAR;	/* the userfaultfd thread has filled it meanwhile */
		return page_judge(v->file, v->first + at, before, buf,
				  v->private ? "private mapping" : "mapping");
	}

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!state_is_settled(before) || page_state(v->file, v->first + at) != before ||
	    (v->file->may_lack_room && state_content(before) == ZERO)) {
		count(&world->pages_unclear, 1);
		return UNCLEAR;
	}
	complain("mapping of file %d page %zu: signal %d", v->file->id, v->first + at, sig);
	return WRONG;
}

void view_check_some(const struct view *v, struct rng *r, size_t n)
{
	size_t at = below(r, v->pages), i;

	for (i = 0; i < n; i++)
		view_check(v, (at + i) % v->pages);
}

void dwell(const struct view *v, struct rng *r)
{
	int i, turns = 1 + below(r, 3);

	for (i = 0; i < turns; i++) {
		usleep(below(r, 8000));
		view_check_some(v, r, 2);
	}
}
