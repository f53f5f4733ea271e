// SPDX-License-Identifier: GPL-2.0
/* One request, carried out by one worker or by two. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

#define MOST 2

/* A large request, so that who ends first hardly matters. */
#define EXTENTS_HERE 48

static const char * const metric[MOST] = { "workers_1", "workers_2" };

static uint64_t time_with(struct arena *a, int workers)
{
	int err = sc_knob_set_number("workers", workers);

	if (err)
		fail(err, "setting the number of workers");
	return collapse(a, OURS);
}

void bench_workers(const struct plan *plan)
{
	const int *n;
	int r, i;

	if (!have(OURS))
		return;
	for (n = plan->mappers; *n; n++) {
		struct samples *ns = calloc(MOST, sizeof(*ns));
		struct arena *a = arena_make(*n, EXTENTS_HERE, MOST);
		int rounds = *n == 1 ? twice_the_rounds(plan) : rounds_with(plan, *n);

		say("time of an extent with more workers, %d mappers", *n);
		/* The first in vain; who is first changes. */
		for (r = 0; r <= rounds; r++) {
			arena_fill(a, RESTED);
			for (i = 0; i < MOST; i++) {
				int who = (r + i) % MOST;
				double took;

				arena_choose(a, i, 0, 1);
				took = time_with(a, who + 1);
				if (r > 0)
					sample(&ns[who], arena_small(a) ? NAN : took / a->nr);
			}
		}
		arena_check(a);
		result_ratio(*n, "workers", &ns[0], &ns[1]);
		for (i = 0; i < MOST; i++)
			result_time(OURS, *n, metric[i], &ns[i]);
		arena_drop(a);
		free(ns);
	}
	sc_knob_set_number("workers", 1);
}
