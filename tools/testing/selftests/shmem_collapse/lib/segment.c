// SPDX-License-Identifier: GPL-2.0
/* Shared segments of every kind, and the pattern they are filled with. */
#include "sc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

char *sc_reserve(size_t len, off_t offset)
{
	size_t room = len + sc_extent();
	size_t want = offset % sc_extent();
	uintptr_t start, at;
	void *p;

	p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return MAP_FAILED;
	start = (uintptr_t)p;
	at = start - start % sc_extent() + want;
	if (at < start)
		at += sc_extent();
	munmap(p, room);
	return (char *)at;
}

char *sc_map(int fd, size_t len, int prot, int flags, off_t offset)
{
	char *at = sc_reserve(len, offset);

	if (at == MAP_FAILED)
		return MAP_FAILED;
	return mmap(at, len, prot, flags | MAP_FIXED_NOREPLACE, fd, offset);
}

char *sc_map_segment(const struct sc_segment *seg, int prot)
{
	if (seg->kind == SC_SYSV) {
		char *at = sc_reserve(seg->len, 0);

		if (at == MAP_FAILED)
			return MAP_FAILED;
		return shmat(seg->shmid, at, prot & PROT_WRITE ? 0 : SHM_RDONLY);
	}
	if (seg->kind == SC_ANON)
		return sc_map(-1, seg->len, prot, MAP_SHARED | MAP_ANONYMOUS, 0);
	return sc_map(seg->fd, seg->len, prot, MAP_SHARED, 0);
}

static int create_memfd(struct sc_segment *seg)
{
	seg->fd = memfd_create("shmem_collapse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (seg->fd < 0)
		return errno;
	snprintf(seg->path, sizeof(seg->path), "/proc/%d/fd/%d", getpid(), seg->fd);
	return ftruncate(seg->fd, seg->len) ? errno : 0;
}

int sc_create_file(struct sc_segment *seg, const char *path, size_t len)
{
	memset(seg, 0, sizeof(*seg));
	seg->kind = SC_TMPFS;
	seg->shmid = -1;
	seg->len = len;
	snprintf(seg->path, sizeof(seg->path), "%s", path);
	seg->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (seg->fd < 0)
		return errno;
	return ftruncate(seg->fd, len) ? errno : 0;
}

int sc_create(struct sc_segment *seg, enum sc_kind kind, size_t extents)
{
	static int serial;
	char path[64];

	if (kind == SC_TMPFS) {
		snprintf(path, sizeof(path), "/dev/shm/sc-%d-%d", getpid(), serial++);
		return sc_create_file(seg, path, extents * sc_extent());
	}
	memset(seg, 0, sizeof(*seg));
	seg->kind = kind;
	seg->fd = -1;
	seg->shmid = -1;
	seg->len = extents * sc_extent();

	switch (kind) {
	case SC_MEMFD:
		return create_memfd(seg);
	case SC_SYSV:
		seg->shmid = shmget(IPC_PRIVATE, seg->len, IPC_CREAT | 0600);
		return seg->shmid < 0 ? errno : 0;
	default:
		seg->addr = sc_map_segment(seg, PROT_READ | PROT_WRITE);
		return seg->addr == MAP_FAILED ? errno : 0;
	}
}

int sc_create_filled(struct sc_segment *seg, enum sc_kind kind, size_t extents, uint64_t seed)
{
	int err = sc_create(seg, kind, extents);

	if (err)
		return err;
	if (!seg->addr)
		seg->addr = sc_map_segment(seg, PROT_READ | PROT_WRITE);
	if (seg->addr == (char *)-1)
		return errno;
	sc_fill(seg->addr, seg->len, seed, 0);
	return 0;
}

void sc_destroy(struct sc_segment *seg)
{
	if (seg->kind == SC_SYSV) {
		if (seg->addr)
			shmdt(seg->addr);
		if (seg->shmid >= 0)
			shmctl(seg->shmid, IPC_RMID, NULL);
	} else if (seg->addr) {
		munmap(seg->addr, seg->len);
	}
	if (seg->fd >= 0)
		close(seg->fd);
	if (seg->kind == SC_TMPFS)
		unlink(seg->path);
	seg->addr = NULL;
	seg->fd = -1;
	seg->shmid = -1;
}

/*
 * A page is its first words over and over: each tells of the seed, the page's index and its place.
 * So what follows them is compared with what precedes it, by libc, which is several times faster
 * than to compute each word.
 */
#define PATTERN_WORDS 8

static uint64_t word_of(uint64_t seed, size_t index, size_t word)
{
	return (seed + 1) * 0x9e3779b97f4a7c15ull + ((uint64_t)index << 20) + word;
}

void sc_fill_page(void *page, uint64_t seed, size_t index)
{
	size_t i, len = PATTERN_WORDS * sizeof(uint64_t);
	uint64_t *word = page;

	for (i = 0; i < PATTERN_WORDS; i++)
		word[i] = word_of(seed, index, i);
	for (; len < sc_page(); len *= 2)
		memcpy(page + len, page, len);
}

/* Whether the page is its first @len bytes over and over. */
static bool repeats(const void *page, size_t len)
{
	return !memcmp(page, page + len, sc_page() - len);
}

bool sc_page_is(const void *page, uint64_t seed, size_t index)
{
	const uint64_t *word = page;
	size_t i;

	for (i = 0; i < PATTERN_WORDS; i++)
		if (word[i] != word_of(seed, index, i))
			return false;
	return repeats(page, PATTERN_WORDS * sizeof(*word));
}

bool sc_page_is_zero(const void *page)
{
	return !*(const uint64_t *)page && repeats(page, sizeof(uint64_t));
}

void sc_fill(void *addr, size_t len, uint64_t seed, size_t first_index)
{
	size_t i;

	for (i = 0; i < len / sc_page(); i++)
		sc_fill_page((char *)addr + i * sc_page(), seed, first_index + i);
}

size_t sc_verify(const void *addr, size_t len, uint64_t seed, size_t first_index)
{
	size_t wrong = 0;
	size_t i;

	for (i = 0; i < len / sc_page(); i++)
		wrong += !sc_page_is((const char *)addr + i * sc_page(), seed, first_index + i);
	return wrong;
}

size_t sc_verify_fd(int fd, size_t len, uint64_t seed)
{
	size_t wrong = 0;
	size_t i;
	void *page;

	page = malloc(sc_page());
	if (!page)
		return len / sc_page();
	for (i = 0; i < len / sc_page(); i++) {
		ssize_t n = pread(fd, page, sc_page(), i * sc_page());

		wrong += n != (ssize_t)sc_page() || !sc_page_is(page, seed, i);
	}
	free(page);
	return wrong;
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

long sc_touch(const void *addr, size_t len)
{
	const char *p = addr;
	long before = minor_faults();
	size_t at;

	for (at = 0; at < len; at += sc_page())
		__atomic_load_n((const uint64_t *)(p + at), __ATOMIC_RELAXED);
	return minor_faults() - before;
}
