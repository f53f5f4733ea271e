// SPDX-License-Identifier: GPL-2.0
/* Changes of the file itself: holes, its size, seals, its name. */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char buf[65536];

/* By the file or by a mapping, whatever there is. */
static int punch(struct file *f, size_t index, size_t n, struct rng *r)
{
	struct view *v = view_any(r, true);
	bool by_view = v && v->file == f && index >= v->first &&
		       index + n <= v->first + v->pages;

	if (f->fd < 0 || (by_view && one_in(r, 3))) {
		if (!by_view)
			return -1;
		return madvise(view_page(v, index - v->first), n * sc_page(), MADV_REMOVE);
	}
	return fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, index * sc_page(),
			 n * sc_page());
}

bool op_punch(struct rng *r)
{
	struct file *f = &files[below(r, FILES)];
	size_t index = below(r, file_pages()), n;
	int err;

	n = 1 + below(r, one_in(r, 8) ? sc_nr() : 16);
	if (index + n > file_pages())
		n = file_pages() - index;
	n = page_lock_range(f, index, n);
	if (!n)
		return false;
	err = punch(f, index, n, r);
	page_unlock_range(f, index, n, err ? UNKNOWN : ZERO);
	return !err;
}

/* Cuts the end off and puts zeroes there. The last page that stays may lose a part. */
bool op_truncate(struct rng *r)
{
	struct file *f = &files[below(r, FILES)];
	size_t keep = file_pages() - 1 - below(r, one_in(r, 4) ? sc_nr() : 32);
	size_t n = file_pages() - keep, cut = below(r, sc_page());
	off_t full = file_pages() * sc_page();
	int err;

	if (f->fd < 0)
		f = &files[TMPFS];
	if (!page_lock_range(f, keep, 1))
		return false;
	if (page_lock_range(f, keep + 1, n - 1) != n - 1) {
		/* Somebody has one of them: nothing was changed. */
		size_t i;

		for (i = keep; i < file_pages(); i++)
			page_give_back(f, i);
		return false;
	}
	page_note_truncation(f, keep, n);
	err = ftruncate(f->fd, keep * sc_page() + cut);
	if (!err) {
		ssize_t got = pread(f->fd, buf, sc_page(), keep * sc_page());

		if (got != (ssize_t)cut)
			complain("read at the end of file %d returned %zd, not %zu", f->id, got,
				 cut);
		usleep(below(r, 2000));
		err = ftruncate(f->fd, full);
	}
	page_note_truncation(f, keep, n);
	page_unlock(f, keep, cut ? UNKNOWN : ZERO);
	page_unlock_range(f, keep + 1, n - 1, err ? UNKNOWN : ZERO);
	return !err;
}

/* Pages where there are none. Nobody sees a difference. */
bool op_fallocate(struct rng *r)
{
	struct file *f = &files[below(r, FILES)];
	size_t index = below(r, file_pages()), n = 1 + below(r, 32);

	if (f->fd < 0)
		return false;
	if (index + n > file_pages())
		n = file_pages() - index;
	return !fallocate(f->fd, FALLOC_FL_KEEP_SIZE, index * sc_page(), n * sc_page());
}

/* --- files of one process ------------------------------------------------------------------- */

#define OWN_TAG 0x0b9e0000ull

static void own_fill(char *addr, size_t n, uint64_t version)
{
	size_t i;

	for (i = 0; i < n; i++)
		pattern(addr + i * sc_page(), OWN_TAG + me, i, version);
}

static void own_check(const char *addr, size_t n, uint64_t version, const char *how)
{
	size_t i;

	for (i = 0; i < n; i++)
		pattern_judge(addr + i * sc_page(), OWN_TAG + me, i, version, how);
}

static void own_check_file(int fd, size_t n, uint64_t version, const char *how)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (pread(fd, buf, sc_page(), i * sc_page()) == (ssize_t)sc_page())
			pattern_judge(buf, OWN_TAG + me, i, version, how);
		else
			complain("%s: page %zu cannot be read", how, i);
}

bool op_sealed(struct rng *r)
{
	int fd = memfd_create("stress-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t n = sc_nr(), len = sc_extent(), filled = n - below(r, n / 2);
	uint64_t version = rnd(r);
	char *addr;
	int turns;

	if (fd < 0 || ftruncate(fd, len)) {
		close(fd);
		return false;
	}
	addr = sc_map(fd, len, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (addr == MAP_FAILED) {
		close(fd);
		return false;
	}
	own_fill(addr, filled, version);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE);
	ask("/proc/%d/fd/%d", getpid(), fd);
	own_check(addr, filled, version, "sealed memfd");
	munmap(addr, len);
	/* Without a writable mapping it can be sealed for good, unless a page is in use for long. */
	for (turns = 0; fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL); turns++) {
		if (turns == 100) {
			complain("a memfd without writable mappings cannot be sealed: %s",
				 strerror(errno));
			break;
		}
		usleep(20000);
	}
	ask("/proc/%d/fd/%d", getpid(), fd);
	own_check_file(fd, filled, version, "memfd sealed for good");
	close(fd);
	return true;
}

bool op_unlinked(struct rng *r)
{
	size_t n = sc_nr(), len = 2 * sc_extent();
	uint64_t version = rnd(r);
	struct sc_segment seg;
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/stress-own-%d", me);
	if (sc_create_file(&seg, path, len)) {
		if (seg.fd >= 0)
			sc_destroy(&seg);
		return false;
	}
	seg.addr = sc_map(seg.fd, len, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (seg.addr == MAP_FAILED) {
		seg.addr = NULL;
		sc_destroy(&seg);
		return false;
	}
	own_fill(seg.addr, n, version);
	if (one_in(r, 2))
		ask("%s,0,%zu", path, n);
	unlink(path);
	ask("%d,0x%lx,0x%lx", getpid(), (unsigned long)seg.addr, (unsigned long)seg.addr + len);
	own_check(seg.addr, n, version, "unlinked file");
	if (one_in(r, 2)) {
		/* The last reference goes with the mapping. */
		close(seg.fd);
		seg.fd = -1;
		ask("%d", getpid());
		own_check(seg.addr, n, version, "unlinked file");
	}
	sc_destroy(&seg);
	return true;
}
