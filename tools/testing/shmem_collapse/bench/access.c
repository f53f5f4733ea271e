// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that keep touching random pages of the memory that is being collapsed: the longest time
 * one access takes, and the extents that stay small because of them.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define TOUCHERS 4

/* In a mapper: its thread. */
static struct {
	pthread_t thread;
	char *addr;
	size_t pages;
	bool stop, pinned;
	uint64_t longest;
} toucher;

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void *touch_random_pages(void *unused)
{
	uint64_t begin, took;
	uint32_t random = 1;

	stay_on(toucher.pinned ? 1 : ANY_CPU);
	while (!__atomic_load_n(&toucher.stop, __ATOMIC_RELAXED)) {
		size_t at = next_random(&random) % toucher.pages * sc_page();

		begin = sc_now_ns();
		__atomic_load_n((long *)(toucher.addr + at), __ATOMIC_RELAXED);
		took = sc_now_ns() - begin;
		if (took > toucher.longest)
			__atomic_store_n(&toucher.longest, took, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* on a CPU of its own, at, nr */
static long op_start(struct sc_child *child, const long *arg)
{
	toucher.addr = child->addr + arg[1] * sc_extent();
	toucher.pages = arg[2] * sc_nr();
	toucher.stop = false;
	toucher.pinned = arg[0];
	return pthread_create(&toucher.thread, NULL, touch_random_pages, NULL);
}

/*
 * engine, at, nr -> the longest access meanwhile, ns. The first extent goes before, in vain: what
 * has not run for a while is in no cache, the emulator's least of all.
 */
static long op_collapse_touched(struct sc_child *child, const long *arg)
{
	op_collapse(child, (long[]){ arg[0], arg[1], 1 });
	__atomic_store_n(&toucher.longest, 0, __ATOMIC_RELAXED);
	op_collapse(child, (long[]){ arg[0], arg[1] + 1, arg[2] - 1 });
	return __atomic_load_n(&toucher.longest, __ATOMIC_RELAXED);
}

static long op_stop(struct sc_child *child, const long *arg)
{
	__atomic_store_n(&toucher.stop, true, __ATOMIC_RELAXED);
	return pthread_join(toucher.thread, NULL);
}

struct access {
	struct samples longest[ENGINES];
	long small[ENGINES];
};

/* One toucher, with a CPU to itself: it waits for the engine and for nothing else. */
static void longest_access(struct arena *a, enum engine who, bool counts, void *data)
{
	struct access *x = data;
	long ns;

	if (sc_call(&a->m[0], op_start, true, a->at, a->nr, 0))
		fail(0, "a thread cannot be started");
	usleep(20000);
	ns = sc_call(&a->m[0], op_collapse_touched, who, a->at, a->nr, 0);
	sc_call(&a->m[0], op_stop, 0, 0, 0, 0);
	if (counts)
		sample(&x->longest[who], ns / 1e3);
}

/* Several, in different processes, that get in the way as much as they can. */
static void many_touchers(struct arena *a, enum engine who, bool counts, void *data)
{
	struct access *x = data;
	int touchers = a->mappers < TOUCHERS ? a->mappers : TOUCHERS, i;

	for (i = 0; i < touchers; i++)
		sc_call(&a->m[i], op_start, false, a->at, a->nr, 0);
	usleep(20000);
	collapse(a, who);
	for (i = 0; i < touchers; i++)
		sc_call(&a->m[i], op_stop, 0, 0, 0, 0);
	if (counts)
		x->small[who] += arena_small(a);
}

void bench_access(const struct plan *plan)
{
	const int *n;
	int who;

	for (n = plan->mappers; *n; n++) {
		struct access *x = calloc(1, sizeof(*x));
		struct arena *a = arena_make(*n, plan->extents + 1, shares());
		/* With more than one the ratios are far from their bars. */
		int rounds = *n > 1 ? half_the_rounds(plan) : twice_the_rounds(plan);

		say("longest access, %d mappers", *n);
		alternate(a, RESTED, 1, rounds, longest_access, x);
		say("%d mappers that keep touching the memory", *n);
		alternate(a, RESTED, 1, half_the_rounds(plan), many_touchers, x);
		arena_check(a);
		result_ratio(*n, "max_access", &x->longest[KERNEL], &x->longest[OURS]);
		for (who = 0; who < ENGINES; who++) {
			if (!have(who))
				continue;
			result(who, *n, "max_access", "us", quantile(&x->longest[who], 0.5),
			       rounds);
			result(who, *n, "failed_extents", "%",
			       100.0 * x->small[who] / (half_the_rounds(plan) * a->extents),
			       half_the_rounds(plan));
		}
		arena_drop(a);
		free(x);
	}
}
