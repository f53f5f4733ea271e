// SPDX-License-Identifier: GPL-2.0
/*
 * Calls with a mark before and after, between which scripts/bench/count.c counts instructions.
 * Prints "call ENGINE MAPPERS EXTENTS" for each pair of marks, in their order.
 */
#include "bench.h"

#include <stdio.h>

/* Nops with an operand that nobody else has. */
static void mark_begin(void)
{
#ifdef __x86_64__
	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x01, 0x4d, 0x43, 0x53" ::: "memory");
#else
	fail(0, "only x86_64 has marks");
#endif
}

static void mark_end(void)
{
#ifdef __x86_64__
	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x4d, 0x43, 0x53" ::: "memory");
#endif
}

static long op_collapse_marked(struct sc_child *child, const long *arg)
{
	mark_begin();
	op_collapse(child, arg);
	mark_end();
	return 0;
}

static void one_round(struct arena *a, enum engine who, bool counts, void *data)
{
	if (!counts) {
		collapse(a, who);
		return;
	}
	sc_call(&a->m[0], op_collapse_marked, who, a->at, a->nr, 0);
	if (arena_small(a))
		fail(0, "an extent is still small");
	printf("call %s %d %d\n", engine_name[who], a->mappers, a->nr);
}

void bench_functions(const struct plan *plan)
{
	const int *n;

	for (n = plan->mappers; *n; n++) {
		struct arena *a = arena_make(*n, plan->extents, shares());

		say("functions, %d mappers", *n);
		alternate(a, RESTED, 1, plan->rounds, one_round, NULL);
		arena_drop(a);
	}
}
