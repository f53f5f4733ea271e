// SPDX-License-Identifier: GPL-2.0
/* What an extent costs, and what the other processes pay on their next touch. */
#include "bench.h"

#include <stdlib.h>

/* A call for each would be for fresh memory with the first only: that empties the batches. */
enum manner { ONE_CALL, PER_EXTENT, ONE_CALL_FRESH, MANNERS };

static const char * const metric[MANNERS] = {
	"extent", "extent_call_each", "extent_fresh",
};

struct times {
	enum manner manner;
	struct samples ns[ENGINES][MANNERS];
	long faults[ENGINES];		/* of the other processes */
	long touched[ENGINES];		/* extents they looked at */
	long small[ENGINES], tried[ENGINES];
};

/* Who looks at the memory afterwards would be in the way of the next call. */
static bool one_call(const struct times *t)
{
	return t->manner != PER_EXTENT;
}

static void one_round(struct arena *a, enum engine who, bool counts, void *data)
{
	struct times *t = data;
	uint64_t ns = collapse(a, who);
	int i;

	if (!counts)
		return;
	sample(&t->ns[who][t->manner], (double)ns / a->nr);
	if (!one_call(t))
		return;
	t->small[who] += arena_small(a);
	t->tried[who] += a->nr;
	for (i = 1; i < a->mappers; i++)
		t->faults[who] += arena_touch(a, i);
	t->touched[who] += a->nr * (a->mappers - 1);
}

static void one_manner(struct arena *a, struct times *t, const struct plan *plan)
{
	bool fresh = t->manner == ONE_CALL_FRESH;
	int pieces = one_call(t) ? 1 : a->extents;
	int rounds = fresh ? few_rounds(plan) :
		     one_call(t) ? rounds_with(plan, a->mappers) : half_the_rounds(plan);

	say("time of an extent, %d mappers, %s", a->mappers, metric[t->manner]);
	alternate(a, fresh ? FRESH : RESTED, pieces, rounds, one_round, t);
	arena_check(a);
}

/* The batches of CPUs are a matter of time. */
static int manners(void)
{
	return counts_instructions() ? ONE_CALL_FRESH : MANNERS;
}

static void report(struct arena *a, struct times *t)
{
	int who, i, rounds;

	for (i = 0; i < MANNERS; i++)
		result_ratio(a->mappers, metric[i], &t->ns[KERNEL][i], &t->ns[OURS][i]);
	for (who = 0; who < ENGINES; who++) {
		rounds = t->tried[who] / a->extents;
		for (i = 0; i < MANNERS; i++)
			result_time(who, a->mappers, metric[i], &t->ns[who][i]);
		if (!have(who) || counts_instructions())
			continue;
		if (a->mappers > 1)
			result(who, a->mappers, "retouch_faults", "1/extent",
			       (double)t->faults[who] / t->touched[who], rounds);
		result(who, a->mappers, "failed_extents_idle", "%",
		       100.0 * t->small[who] / t->tried[who], rounds);
	}
}

void bench_times(const struct plan *plan)
{
	struct times *t;
	const int *n;

	for (n = plan->mappers; *n; n++) {
		struct arena *a = arena_make(*n, plan->extents, shares());

		t = calloc(1, sizeof(*t));
		for (t->manner = 0; t->manner < manners(); t->manner++)
			one_manner(a, t, plan);
		report(a, t);
		free(t);
		arena_drop(a);
	}
}
