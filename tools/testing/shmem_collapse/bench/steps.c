// SPDX-License-Identifier: GPL-2.0
/*
 * What each step of the engine costs, as its tracepoint tells, by the number of mappers, of pages
 * that are there, and of extents. Freeing is what the last step has left after the reverse map
 * was walked, which a probe times.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "shmem_collapse_bench"
#define MOST_MAPPERS 64

enum step { GATHER, UNMAP, COPY, COMMIT, MAP, FREE, STEPS };

static const char * const step_name[STEPS] = { "gather", "unmap", "copy", "commit", "map", "free" };

struct steps {
	struct samples ns[STEPS];
	double map_begin, map_ns;
};

static void read_line(const struct trace_line *l, void *data)
{
	struct steps *s = data;
	char field[16];
	int i;

	if (!strcmp(l->event, "mapping")) {
		s->map_begin = l->us;
	} else if (!strcmp(l->event, "mapped")) {
		s->map_ns = (l->us - s->map_begin) * 1e3;
	} else if (!strcmp(l->event, "shmem_collapse_extent") &&
		   strstr(l->text, "outcome=collapsed")) {
		for (i = GATHER; i < MAP; i++) {
			snprintf(field, sizeof(field), "%s_ns", step_name[i]);
			sample(&s->ns[i], trace_field(l, field));
		}
		sample(&s->ns[MAP], s->map_ns);
		sample(&s->ns[FREE], trace_field(l, "map_ns") - s->map_ns);
	}
}

/* A point of a curve; @by is what its metrics are called after. */
static void measure(const struct plan *plan, int mappers, size_t pages, const char *by)
{
	struct steps *s = calloc(1, sizeof(*s));
	struct arena *a = arena_make(mappers, 4, 1);
	char metric[64];
	int round, i;

	say("steps, %d mappers, %zu pages", mappers, pages);
	arena_choose(a, 0, 0, 1);
	for (round = -1; round < plan->rounds; round++) {
		arena_fill_part(a, pages);
		trace_collapse(a, OURS);
		if (round >= 0)
			trace_read(read_line, s);
	}
	for (i = 0; i < STEPS; i++) {
		snprintf(metric, sizeof(metric), "step_%s%s", step_name[i], by);
		result_time(OURS, mappers, metric, &s->ns[i]);
	}
	arena_drop(a);
	free(s);
}

static void request_of(const struct plan *plan, int extents)
{
	struct samples *ns = calloc(1, sizeof(*ns));
	struct arena *a = arena_make(1, extents, 1);
	char metric[64];
	int round;

	say("a request of %d extents", extents);
	arena_warm_up(a);
	for (round = 0; round < plan->rounds; round++) {
		arena_fill(a, RESTED);
		sample(ns, collapse(a, OURS));
	}
	snprintf(metric, sizeof(metric), "request_of_%d_extents", extents);
	result_time(OURS, 1, metric, ns);
	arena_drop(a);
	free(ns);
}

void bench_steps(const struct plan *plan)
{
	char by[32];
	size_t pages;
	int n;

	if (!have(OURS))
		return;
	for (n = 1; n <= 64; n *= 4)
		request_of(plan, n);
	trace_open();
	if (!trace_probe("p:" GROUP "/mapping remove_migration_ptes") ||
	    !trace_probe("r:" GROUP "/mapped remove_migration_ptes"))
		fail(EINVAL, "remove_migration_ptes() cannot be probed");
	trace_enable("shmem_collapse/shmem_collapse_extent", NULL);
	trace_enable(GROUP "/mapping", NULL);
	trace_enable(GROUP "/mapped", NULL);
	for (n = 1; n <= MOST_MAPPERS; n *= 2)
		measure(plan, n, sc_nr(), "");
	for (pages = 1; pages <= sc_nr(); pages = pages == 1 ? sc_nr() / 8 : pages + sc_nr() / 8) {
		snprintf(by, sizeof(by), "_of_%zu_pages", pages);
		measure(plan, 8, pages, by);
	}
	trace_close();
}
