// SPDX-License-Identifier: GPL-2.0
/*
 * What a mapping costs that keeps its page table, here because it is misaligned: a share of the
 * request, and what its process pays on its next touch of all pages.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct kept {
	struct samples request, touch;
};

static long op_misalign(struct sc_child *child, const long *arg)
{
	char *to = sc_reserve(child->len + sc_extent(), 0);

	if (to == MAP_FAILED)
		return errno;
	to += sc_page();
	if (mremap(child->addr, child->len, child->len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return errno;
	child->addr = to;
	return 0;
}

/* at, nr -> nanoseconds */
static long op_time_touch(struct sc_child *child, const long *arg)
{
	uint64_t begin = sc_now_ns();

	sc_touch(child->addr + arg[0] * sc_extent(), arg[1] * sc_extent());
	return sc_now_ns() - begin;
}

static void one_round(struct arena *a, struct kept *k)
{
	int i;

	sample(&k->request, (double)collapse(a, OURS) / a->nr);
	for (i = 1; i < a->mappers; i++) {
		long first = sc_call(&a->m[i], op_time_touch, a->at, a->nr, 0, 0);

		/* What it takes without a fault is nobody's cost. */
		first -= sc_call(&a->m[i], op_time_touch, a->at, a->nr, 0, 0);
		sample(&k->touch, (double)first / a->nr);
	}
}

/* All but the first of the processes have such a mapping. */
static void one_arena(const struct plan *plan, int mappers)
{
	struct kept *k = calloc(1, sizeof(*k));
	struct arena *a = arena_make(mappers, plan->extents, 1);
	int round, i, err;

	say("tables that stay, %d mappers", mappers);
	for (i = 1; i < mappers; i++) {
		err = sc_call(&a->m[i], op_misalign, 0, 0, 0, 0);
		if (err)
			fail(err, "moving a mapping");
	}
	arena_warm_up(a);
	for (round = 0; round < plan->rounds; round++) {
		arena_fill(a, RESTED);
		one_round(a, k);
	}
	if (arena_small(a))
		fail(0, "an extent is still small");
	arena_check(a);
	result_time(OURS, mappers, "kept_extent", &k->request);
	result_time(OURS, mappers, "kept_touch", &k->touch);
	arena_drop(a);
	free(k);
}

void bench_kept(const struct plan *plan)
{
	const int *n;

	if (!have(OURS))
		return;
	for (n = plan->mappers; *n; n++)
		if (*n > 1)
			one_arena(plan, *n);
}
