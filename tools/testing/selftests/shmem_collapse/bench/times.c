// SPDX-License-Identifier: GPL-2.0
/* What an extent costs, and what the other processes pay on their next touch. */
#include "bench.h"

#include <stdlib.h>
#include <unistd.h>

enum manner { ONE_CALL, PER_EXTENT, ONE_CALL_FRESH, PER_EXTENT_FRESH, MANNERS };

static const char * const metric[MANNERS] = {
	"extent_time", "extent_time_call_each", "extent_time_fresh", "extent_time_fresh_call_each",
};

struct times {
	enum manner manner;
	struct samples us[ENGINES][MANNERS];
	long faults[ENGINES];		/* of the other processes */
	long touched[ENGINES];		/* extents they looked at */
	long small[ENGINES];
};

static void one_round(struct arena *a, enum engine who, bool counts, void *data)
{
	struct times *t = data;
	bool fresh = t->manner >= ONE_CALL_FRESH;
	uint64_t ns;
	int i;

	arena_fill(a, fresh ? FRESH : RESTED);
	ns = collapse(a, who, t->manner % 2 ? sc_extent() : a->seg.len);
	if (!counts)
		return;
	sample(&t->us[who][t->manner], ns / 1e3 / a->extents);
	t->small[who] += arena_small(a);
	for (i = 1; i < a->mappers; i++)
		t->faults[who] += sc_call(&a->m[i], sc_op_touch, 0, 0, 0, 0);
	t->touched[who] += a->extents * (a->mappers - 1);
	arena_check(a);
}

static void report(struct arena *a, struct times *t, int rounds)
{
	int who, i;

	for (who = 0; who < ENGINES; who++) {
		for (i = 0; i < MANNERS; i++)
			result(who, a->mappers, metric[i], "us", quantile(&t->us[who][i], 0.5),
			       t->us[who][i].count);
		if (!have(who))
			continue;
		if (a->mappers > 1)
			result(who, a->mappers, "retouch_faults", "1/extent",
			       (double)t->faults[who] / t->touched[who], rounds);
		result(who, a->mappers, "failed_extents_idle", "%",
		       100.0 * t->small[who] / (MANNERS * rounds * a->extents), rounds);
	}
}

void bench_times(const struct plan *plan)
{
	struct times *t;
	const int *n;

	for (n = plan->mappers; *n; n++) {
		struct arena *a = arena_make(*n, plan->extents);

		t = calloc(1, sizeof(*t));
		for (t->manner = 0; t->manner < MANNERS; t->manner++) {
			say("time of an extent, %d mappers, %s", *n, metric[t->manner]);
			alternate(a, plan->rounds, one_round, t);
		}
		report(a, t, plan->rounds);
		free(t);
		arena_drop(a);
	}
}

/*
 * For a machine with one CPU whose clock counts instructions: -icount shift=1, so that one takes
 * two nanoseconds.
 */
#define NS_PER_INSTRUCTION	2

static void count_instructions(struct arena *a, enum engine who, bool counts, void *data)
{
	struct samples *per_extent = data;
	uint64_t ns;

	arena_fill(a, RESTED);
	ns = collapse_all(a, who);
	if (counts)
		sample(&per_extent[who], (double)ns / NS_PER_INSTRUCTION / a->extents);
}

void bench_instructions(const struct plan *plan)
{
	const int *n;
	int who;

	/* What else goes on after boot would be counted. */
	sleep(5);
	for (n = plan->mappers; *n; n++) {
		struct samples *s = calloc(ENGINES, sizeof(*s));
		struct arena *a = arena_make(*n, plan->extents);

		say("instructions, %d mappers", *n);
		alternate(a, plan->rounds, count_instructions, s);
		for (who = 0; who < ENGINES; who++)
			result(who, *n, "extent_instructions", "instructions",
			       quantile(&s[who], 0.5), s[who].count);
		arena_drop(a);
		free(s);
	}
}
