// SPDX-License-Identifier: GPL-2.0
/* Reading and writing, in every way there is. */
#include "stress.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

static char buf[65536];

bool op_check(struct rng *r)
{
	struct view *v = view_any(r, false);

	if (!v)
		return false;
	view_check_some(v, r, 1 + below(r, 16));
	return true;
}

static struct file *any_open_file(struct rng *r)
{
	struct file *f = &files[below(r, FILES)];

	return f->fd >= 0 ? f : &files[MEMFD];
}

bool op_check_file(struct rng *r)
{
	struct file *f = any_open_file(r);
	size_t index = below(r, file_pages()), i, n = 1 + below(r, 8);

	for (i = 0; i < n; i++, index = (index + 1) % file_pages()) {
		uint64_t before = page_state(f, index);
		ssize_t got = pread(f->fd, buf, sc_page(), index * sc_page());

		if (got == (ssize_t)sc_page())
			page_judge(f, index, before, buf, "read");
		else if (state_is_settled(before) && page_state(f, index) == before)
			complain("read of file %d page %zu returned %zd", f->id, index, got);
	}
	return true;
}

/* Reads the page of a window from outside; the owner may change it any time. */
bool op_check_other(struct rng *r)
{
	int worker = any_user(r), v = below(r, VIEWS);
	struct iovec here = { buf, sc_page() }, there;
	struct window w;
	uint64_t before;
	size_t at;
	pid_t pid;

	if (worker < 0 || worker == me || !window_open(worker, v, &w, &pid) || w.private)
		return false;
	at = below(r, w.pages);
	there.iov_base = (void *)(w.addr + at * sc_page());
	there.iov_len = sc_page();
	before = page_state(&files[w.file], w.first + at);
	if (process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)sc_page())
		return false;
	if (!window_is_same(worker, v, &w, pid))
		return false;
	page_judge(&files[w.file], w.first + at, before, buf, "process_vm_readv");
	return true;
}

/* A pipe holds references to pages of the file. */
bool op_check_splice(struct rng *r)
{
	struct file *f = any_open_file(r);
	size_t index = below(r, file_pages());
	off_t at = index * sc_page();
	uint64_t before;
	int fds[2];
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC))
		return false;
	before = page_state(f, index);
	n = splice(f->fd, &at, fds[1], NULL, sc_page(), 0);
	usleep(below(r, 3000));
	if (n == (ssize_t)sc_page() && read(fds[0], buf, n) == n)
		page_judge(f, index, before, buf, "splice");
	close(fds[0]);
	close(fds[1]);
	return n > 0;
}

bool op_write(struct rng *r)
{
	struct view *v = view_any(r, true);
	size_t at, i, n = 1 + below(r, 16);

	if (!v)
		return false;
	at = below(r, v->pages);
	for (i = 0; i < n && at + i < v->pages; i++) {
		size_t index = v->first + at + i;
		int sig;

		if (!page_lock(v->file, index))
			continue;
		page_next(v->file, index, buf);
		sig = copy_trapped(view_page(v, at + i), buf, sc_page());
		if (sig && !v->file->may_lack_room)
			complain("write to file %d page %zu: signal %d", v->file->id, index, sig);
		page_unlock(v->file, index, sig ? UNKNOWN : DATA);
		count(&world->pages_written, !sig);
	}
	return true;
}

bool op_write_file(struct rng *r)
{
	struct file *f = any_open_file(r);
	size_t index = below(r, file_pages()), i, n = 1 + below(r, 8);

	for (i = 0; i < n && index + i < file_pages(); i++) {
		ssize_t done;

		if (!page_lock(f, index + i))
			continue;
		page_next(f, index + i, buf);
		done = pwrite(f->fd, buf, sc_page(), (index + i) * sc_page());
		page_unlock(f, index + i, done == (ssize_t)sc_page() ? DATA : UNKNOWN);
		count(&world->pages_written, 1);
	}
	return true;
}
