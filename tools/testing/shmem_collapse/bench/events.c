// SPDX-License-Identifier: GPL-2.0
/* What the kernel's own tracepoints say about a request. */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "shmem_collapse_bench"

struct events {
	struct sc_events mm;		/* how events name the mm of the requester */
	struct samples locks[ENGINES], drains[ENGINES];
	struct samples alloc[ENGINES], copy[ENGINES], rest[ENGINES];
	/* of the request that is being read */
	double alloc_begin, copy_begin, alloc_us, copy_us;
	int nr_locks, nr_drains;
	enum engine who;
};

static void learn_mm(struct arena *a, struct events *e)
{
	int err = sc_events_open();

	err = err ?: sc_events_learn(&e->mm, &a->m[0]);
	if (err)
		fail(err, "telling mmap_lock events of one process from others");
	sc_events_close();
}

/* --- locks and drains ----------------------------------------------------------------------- */

static void count(const struct trace_line *l, void *data)
{
	struct events *e = data;
	const char *mm = strstr(l->text, "mm=");
	size_t len = strlen(e->mm.target[0].mm);

	if (!strcmp(l->event, "drain_all"))
		e->nr_drains++;
	else if (mm && !strncmp(mm + 3, e->mm.target[0].mm, len) &&
		 strstr(l->text, "success=true"))
		e->nr_locks++;
}

static void count_round(struct arena *a, enum engine who, bool counts, void *data)
{
	struct events *e = data;

	trace_collapse(a, who);
	e->nr_locks = 0;
	e->nr_drains = 0;
	trace_read(count, e);
	if (!counts)
		return;
	sample(&e->locks[who], e->nr_locks);
	sample(&e->drains[who], e->nr_drains);
}

static void probe_drains(void)
{
	/* A tracepoint without an event of its own; older kernels do not have it. */
	if (!trace_probe("t:" GROUP "/drain_all mm_lru_add_drain_all_tp") &&
	    !trace_probe("p:" GROUP "/drain_all lru_add_drain_all"))
		fail(EINVAL, "no event tells of lru_add_drain_all()");
}

/* --- allocation, copy and the rest ---------------------------------------------------------- */

/*
 * The kernel copies between the return of try_to_unmap_flush() and folio_add_lru() of the new
 * folio; it calls both once for an extent. Ours tells in its tracepoint.
 */
static void time_parts(const struct trace_line *l, void *data)
{
	struct events *e = data;

	if (!strcmp(l->event, "alloc")) {
		e->alloc_begin = l->us;
	} else if (!strcmp(l->event, "allocated") && e->alloc_begin) {
		e->alloc_us += l->us - e->alloc_begin;
		e->alloc_begin = 0;
	} else if (!strcmp(l->event, "unmapped")) {
		e->copy_begin = l->us;
	} else if (!strcmp(l->event, "copied") && e->copy_begin && e->who == KERNEL) {
		e->copy_us += l->us - e->copy_begin;
		e->copy_begin = 0;
	} else if (!strcmp(l->event, "shmem_collapse_extent")) {
		e->copy_us += trace_field(l, "copy_ns") / 1e3;
	}
}

static void parts_round(struct arena *a, enum engine who, bool counts, void *data)
{
	struct events *e = data;
	uint64_t ns = trace_collapse(a, who);
	double parts_us;

	if (!counts)
		return;
	e->who = who;
	e->alloc_begin = e->copy_begin = e->alloc_us = e->copy_us = 0;
	trace_read(time_parts, e);
	/* The rest of a request is known only where it is the rest of all of it. */
	parts_us = arena_small(a) ? NAN : e->alloc_us + e->copy_us;
	sample(&e->alloc[who], e->alloc_us * 1e3 / a->nr);
	sample(&e->copy[who], e->copy_us * 1e3 / a->nr);
	sample(&e->rest[who], (ns - parts_us * 1e3) / a->nr);
}

/* False where the kernel copies and frees in one loop, as 6.1 does: nothing tells them apart. */
static bool probe_parts(void)
{
	if (!trace_probe("p:" GROUP "/alloc __alloc_frozen_pages_noprof order=%si:u32"))
		return false;
	if (!trace_probe("r:" GROUP "/allocated __alloc_frozen_pages_noprof") ||
	    !trace_probe("r:" GROUP "/unmapped try_to_unmap_flush") ||
	    !trace_probe("p:" GROUP "/copied folio_add_lru"))
		fail(EINVAL, "the steps of the kernel's collapse cannot be probed");
	return true;
}

static void enable_parts(struct arena *a)
{
	char filter[64], pid[32];

	snprintf(pid, sizeof(pid), "common_pid==%d", a->m[0].pid);
	snprintf(filter, sizeof(filter), "%s&&order>=%d", pid, __builtin_ctzl(sc_nr()));
	trace_enable(GROUP "/alloc", filter);
	trace_enable(GROUP "/allocated", pid);
	trace_enable(GROUP "/unmapped", pid);
	trace_enable(GROUP "/copied", pid);
	if (have(OURS))
		trace_enable("shmem_collapse/shmem_collapse_extent", NULL);
}

static void report(struct arena *a, struct events *e)
{
	int who;

	result_ratio(a->mappers, "extent_rest", &e->rest[KERNEL], &e->rest[OURS]);
	for (who = 0; who < ENGINES; who++) {
		result(who, a->mappers, "mmap_lock_events", "1/request",
		       quantile(&e->locks[who], 0.5), e->locks[who].count);
		result(who, a->mappers, "lru_drain_all", "1/request",
		       quantile(&e->drains[who], 0.5), e->drains[who].count);
		result_time(who, a->mappers, "alloc", &e->alloc[who]);
		result_time(who, a->mappers, "copy", &e->copy[who]);
		result_time(who, a->mappers, "extent_rest", &e->rest[who]);
	}
}

static void one_arena(struct arena *a, const struct plan *plan)
{
	struct events *e = calloc(1, sizeof(*e));

	learn_mm(a, e);
	trace_open();
	if (!counts_instructions()) {
		say("events, %d mappers", a->mappers);
		probe_drains();
		trace_enable("mmap_lock/mmap_lock_acquire_returned", NULL);
		trace_enable(GROUP "/drain_all", NULL);
		alternate(a, RESTED, 1, few_rounds(plan), count_round, e);
		trace_disable("mmap_lock/mmap_lock_acquire_returned");
		trace_disable(GROUP "/drain_all");
	}
	if (probe_parts()) {
		say("allocation and copy, %d mappers", a->mappers);
		enable_parts(a);
		alternate(a, RESTED, 1, rounds_with(plan, a->mappers), parts_round, e);
	}
	report(a, e);
	trace_close();
	free(e);
}

void bench_events(const struct plan *plan)
{
	const int *n;

	for (n = plan->mappers; *n; n++) {
		struct arena *a = arena_make(*n, plan->extents, shares());

		one_arena(a, plan);
		arena_drop(a);
	}
}
