// SPDX-License-Identifier: GPL-2.0
/* Memory, the processes that map it, and requests. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool have(enum engine who)
{
	return who == KERNEL || sc_loaded();
}

void setup(void)
{
	int err = sc_loaded() ? sc_defaults() : sc_write_file(SC_THP "/shmem_enabled", "never");

	if (err)
		fail(err, "setting the knobs");
}

void stay_on(int cpu)
{
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	for (i = 0; i < CPU_SETSIZE; i++)
		if (cpu == i || cpu == ANY_CPU)
			CPU_SET(i, &set);
	/* Where there is one CPU only, there is nothing to choose. */
	sched_setaffinity(0, sizeof(set), &set);
}

static long op_stay_on(struct sc_child *child, const long *arg)
{
	stay_on(arg[0]);
	return 0;
}

int shares(void)
{
	return have(OURS) ? ENGINES : 1;
}

struct arena *arena_make(int mappers, int extents, int shares)
{
	struct arena *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		fail(ENOMEM, "an arena");
	a->mappers = mappers;
	a->extents = extents;
	a->shares = shares;
	err = sc_create(&a->seg, SC_MEMFD, extents * shares);
	err = err ?: sc_spawn_n(a->m, mappers, &a->seg, SC_UNRELATED);
	if (err)
		fail(err, "setting up a memfd and %d processes", mappers);
	sc_call(&a->m[0], op_stay_on, 0, 0, 0, 0);
	return a;
}

void arena_drop(struct arena *a)
{
	sc_kill(a->m, a->mappers);
	sc_destroy(&a->seg);
	free(a);
}

/*
 * Pages that were just allocated wait in a batch of their CPU, which holds a reference on each.
 * Every MADV_COLLAPSE empties those batches, also one that has nothing to do.
 */
static void empty_batches(void)
{
	static char *scratch;

	if (!scratch)
		scratch = sc_map(-1, sc_extent(), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (scratch == MAP_FAILED)
		fail(errno, "mapping scratch memory");
	madvise(scratch, sc_extent(), MADV_COLLAPSE);
}

/*
 * seed, pages of each extent, descriptor of the file -> errno. A write() makes as many pages in a
 * third of the time that faults take.
 */
static long op_write_part(struct sc_child *child, const long *arg)
{
	static char *content;
	size_t len = arg[1] * sc_page(), at, page;

	if (!content)
		content = malloc(sc_extent());
	if (!content)
		return ENOMEM;
	for (at = 0; at < child->len; at += sc_extent()) {
		for (page = 0; page < (size_t)arg[1]; page++)
			sc_fill_page(content + page * sc_page(), arg[0], at / sc_page() + page);
		if (pwrite(arg[2], content, len, at) != (ssize_t)len)
			return errno ?: EIO;
	}
	return 0;
}

/* pages of each extent. Leaves the entries as faults of a writer would. */
static long op_store_part(struct sc_child *child, const long *arg)
{
	size_t at, page;

	for (at = 0; at < child->len; at += sc_extent())
		for (page = 0; page < (size_t)arg[0]; page++) {
			volatile uint64_t *word = (void *)(child->addr + at + page * sc_page());

			*word = *word;
		}
	return 0;
}

/* pages of each extent, at, nr -> minor faults that took */
static long op_touch_part(struct sc_child *child, const long *arg)
{
	long extent, faults = 0;

	for (extent = arg[1]; extent < arg[1] + arg[2]; extent++)
		faults += sc_touch(child->addr + extent * sc_extent(), arg[0] * sc_page());
	return faults;
}

/* All processes at once: there are two CPUs. */
static void touch_in_each(struct arena *a, size_t pages)
{
	int i;

	for (i = 0; i < a->mappers; i++)
		sc_send(&a->m[i], op_touch_part, pages, 0, a->extents * a->shares, 0);
	for (i = 0; i < a->mappers; i++)
		sc_wait(&a->m[i]);
}

static void fill(struct arena *a, size_t pages)
{
	int err;

	if (fallocate(a->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, a->seg.len))
		fail(errno, "punching the memfd");
	a->seed++;
	a->huge = 0;
	err = sc_call(&a->m[0], op_write_part, a->seed, pages, a->seg.fd, 0);
	if (err)
		fail(err, "filling the memfd");
	/* Faster only, so it does not matter where that cannot be set. */
	sc_fault_around(sc_extent());
	touch_in_each(a, pages);
	sc_fault_around(SC_FAULT_AROUND);
	sc_call(&a->m[0], op_store_part, pages, 0, 0, 0);
	/* Once more: afterwards also the code that counts faults has had its own. */
	touch_in_each(a, 1);
}

void arena_fill(struct arena *a, enum rest rest)
{
	fill(a, sc_nr());
	if (rest == RESTED) {
		empty_batches();
		usleep(20000);
	}
}

void arena_fill_part(struct arena *a, size_t pages)
{
	fill(a, pages);
	empty_batches();
	usleep(20000);
}

void arena_check(struct arena *a)
{
	/* All processes see the same folio: two of them may speak for all. */
	if (sc_call(&a->m[0], sc_op_verify, a->seed, 0, 0, 0) ||
	    sc_call(&a->m[a->mappers - 1], sc_op_verify, a->seed, 0, 0, 0))
		fail(0, "the data is damaged");
}

static int huge_extents(struct arena *a)
{
	return sc_smaps(a->m[0].pid, a->m[0].addr, a->seg.len, "ShmemPmdMapped") /
	       (long long)sc_extent();
}

void arena_choose(struct arena *a, int share, int piece, int pieces)
{
	a->nr = a->extents / pieces;
	a->at = share * a->extents + piece * a->nr;
}

int arena_small(struct arena *a)
{
	int before = a->huge;

	a->huge = huge_extents(a);
	return a->nr - (a->huge - before);
}

long arena_touch(struct arena *a, int mapper)
{
	return sc_call(&a->m[mapper], op_touch_part, sc_nr(), a->at, a->nr, 0);
}

/* Keeps the file open: a request is one write. */
static void request(const char *addr, size_t len)
{
	static int fd = -1;
	char text[64];
	int n;

	if (fd < 0)
		fd = open(SC_DIR "/collapse", O_WRONLY | O_CLOEXEC);
	n = snprintf(text, sizeof(text), "0,%lu,%lu", (long)addr, (long)addr + len);
	/* What became of each extent is seen in its mapping afterwards. */
	if (write(fd, text, n) != n && errno != EAGAIN && errno != ENODATA)
		fail(errno, "asking for a collapse");
}

long op_collapse(struct sc_child *child, const long *arg)
{
	char *addr = child->addr + arg[1] * sc_extent();
	size_t len = arg[2] * sc_extent();
	uint64_t begin = sc_now_ns();

	if (arg[0] == OURS)
		request(addr, len);
	else
		madvise(addr, len, MADV_COLLAPSE);
	return sc_now_ns() - begin;
}

uint64_t collapse(struct arena *a, enum engine who)
{
	return sc_call(&a->m[0], op_collapse, who, a->at, a->nr, 0);
}

void arena_warm_up(struct arena *a)
{
	arena_choose(a, 0, 0, 1);
	arena_fill(a, RESTED);
	collapse(a, OURS);
}

static void one_piece(struct arena *a, enum engine who, int turn, int piece, int pieces,
		      round_fn round, void *data)
{
	if (!have(who))
		return;
	arena_choose(a, (who + turn) % a->shares, piece, pieces);
	round(a, who, turn > 0, data);
}

void alternate(struct arena *a, enum rest manner, int pieces, int rounds, round_fn round, void *data)
{
	int turn, piece, i;

	for (turn = 0; turn <= rounds; turn++) {
		for (i = 0; manner == FRESH && i < ENGINES; i++) {
			arena_fill(a, manner);
			for (piece = 0; piece < pieces; piece++)
				one_piece(a, (turn + i) % ENGINES, turn, piece, pieces, round, data);
		}
		if (manner == FRESH)
			continue;
		arena_fill(a, manner);
		for (piece = 0; piece < pieces; piece++)
			for (i = 0; i < ENGINES; i++)
				one_piece(a, (turn + piece + i) % ENGINES, turn, piece, pieces, round,
					  data);
	}
}
