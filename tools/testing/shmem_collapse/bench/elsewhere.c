// SPDX-License-Identifier: GPL-2.0
/*
 * A thread of the target that maps a page elsewhere, touches it and unmaps it, on a CPU of its
 * own, while the other CPU collapses, or merely copies memory.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define COPYING		ENGINES		/* the third thing the other CPU may do */
#define NOTHING		(-1)
#define EXTENTS_HERE	64		/* so that there are enough samples */
#define PIECE		4		/* a request, short: the host's speed changes all the time */

/* In the target. */
static struct {
	pthread_t thread;
	bool stop;
	int other;			/* what the other CPU does */
	struct samples ns[ENGINES + 1];
} *watch;

static void *map_touch_unmap(void *unused)
{
	uint64_t begin;
	int other;
	char *p;

	stay_on(1);
	while (!__atomic_load_n(&watch->stop, __ATOMIC_RELAXED)) {
		other = __atomic_load_n(&watch->other, __ATOMIC_RELAXED);
		begin = sc_now_ns();
		p = mmap(NULL, sc_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
		if (p == MAP_FAILED)
			break;
		*p = 1;
		munmap(p, sc_page());
		if (other != NOTHING)
			sample(&watch->ns[other], sc_now_ns() - begin);
	}
	return NULL;
}

static long op_start(struct sc_child *child, const long *arg)
{
	if (!watch) {
		watch = calloc(1, sizeof(*watch));
		if (!watch)
			return -1;
		/* Or the thread would fault samples in. */
		memset(watch, 1, sizeof(*watch));
		memset(watch->ns, 0, sizeof(watch->ns));
	}
	watch->stop = false;
	watch->other = NOTHING;
	return pthread_create(&watch->thread, NULL, map_touch_unmap, NULL);
}

static void copy_for(uint64_t ns)
{
	static char *from, *to;
	uint64_t end = sc_now_ns() + ns;

	if (!from) {
		from = calloc(2, sc_extent());
		to = from + sc_extent();
		memset(from, 1, 2 * sc_extent());
	}
	while (sc_now_ns() < end) {
		memcpy(to, from, sc_extent());
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	}
}

/* engine, at, nr; or COPYING, time */
static long op_do(struct sc_child *child, const long *arg)
{
	__atomic_store_n(&watch->other, arg[0], __ATOMIC_RELAXED);
	if (arg[0] == COPYING)
		copy_for(arg[1]);
	else
		op_collapse(child, arg);
	__atomic_store_n(&watch->other, NOTHING, __ATOMIC_RELAXED);
	return 0;
}

/* whom -> p99.9, ns */
static long op_p999(struct sc_child *child, const long *arg)
{
	return quantile(&watch->ns[arg[0]], 0.999);
}

static long op_stop(struct sc_child *child, const long *arg)
{
	__atomic_store_n(&watch->stop, true, __ATOMIC_RELAXED);
	return pthread_join(watch->thread, NULL);
}

/* Only ours is judged by this: of a round the kernel's own has one piece. */
static enum engine whose(int turn, int piece, int pieces)
{
	return have(OURS) && (turn + piece) % pieces ? OURS : KERNEL;
}

static void one_round(struct arena *a, int turn)
{
	int pieces = a->extents / PIECE, piece;

	arena_fill(a, RESTED);
	if (sc_call(&a->m[0], op_start, 0, 0, 0, 0))
		fail(0, "a thread cannot be started");
	/* Who makes the calls would wake up on the thread's CPU, twice for each. */
	stay_on(0);
	for (piece = 0; piece < pieces; piece++) {
		arena_choose(a, 0, piece, pieces);
		/* The first round in vain. */
		if (!turn) {
			collapse(a, whose(turn, piece, pieces));
			continue;
		}
		sc_call(&a->m[0], op_do, whose(turn, piece, pieces), a->at, a->nr, 0);
		/* Somewhat longer than an engine takes. */
		sc_call(&a->m[0], op_do, COPYING, 4000000 * a->nr, 0, 0);
	}
	stay_on(ANY_CPU);
	sc_call(&a->m[0], op_stop, 0, 0, 0, 0);
}

void bench_elsewhere(const struct plan *plan)
{
	const int *n;
	int who, turn;

	for (n = plan->mappers; *n; n++) {
		struct arena *a = arena_make(*n, EXTENTS_HERE, 1);
		struct sc_mapper *m = &a->m[0];
		/* Samples enough for a thousandth of them; of the kernel's alone a round has many. */
		int rounds = have(OURS) ? 3 * plan->rounds : few_rounds(plan);

		say("a thread that maps, touches, unmaps; %d mappers", *n);
		for (turn = 0; turn <= rounds; turn++)
			one_round(a, turn);
		for (who = 0; who < ENGINES; who++) {
			if (!have(who))
				continue;
			result(who, *n, "p999_map_touch_unmap", "us",
			       sc_call(m, op_p999, who, 0, 0, 0) / 1e3, rounds);
			result(who, *n, "p999_map_touch_unmap_copying", "us",
			       sc_call(m, op_p999, COPYING, 0, 0, 0) / 1e3, rounds);
		}
		arena_drop(a);
	}
}
