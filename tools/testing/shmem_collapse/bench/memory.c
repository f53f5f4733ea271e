// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a request for one extent takes beyond the huge folio, at its peak: everything that
 * anyone allocates meanwhile and has not given back. A new slab is not of this request; the
 * objects it takes from slabs are.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "shmem_collapse_bench"
#define MAX_PIECES	65536

struct memory {
	struct samples peak[ENGINES];
	/* of the request that is being read */
	int count;
	struct {
		unsigned long long key;
		long bytes;
	} piece[MAX_PIECES];
	long now, most;
	pid_t fills_slab;
};

static void take(struct memory *m, unsigned long long key, long bytes)
{
	if (m->count == MAX_PIECES)
		fail(0, "too many allocations in one request");
	m->piece[m->count].key = key;
	m->piece[m->count].bytes = bytes;
	m->count++;
	m->now += bytes;
	if (m->now > m->most)
		m->most = m->now;
}

static void give(struct memory *m, unsigned long long key)
{
	int i;

	for (i = m->count - 1; i >= 0; i--)
		if (m->piece[i].key == key) {
			m->now -= m->piece[i].bytes;
			m->piece[i] = m->piece[--m->count];
			return;
		}
}

/*
 * Page frame numbers are far from being addresses of objects. What kmalloc() does not have slabs
 * for are pages, and is seen as those.
 */
static void account(const struct trace_line *l, void *data)
{
	struct memory *m = data;

	if (!strcmp(l->event, "slab"))
		m->fills_slab = l->pid;
	else if (!strcmp(l->event, "slab_done"))
		m->fills_slab = 0;
	else if (!strcmp(l->event, "mm_page_alloc") && l->pid != m->fills_slab)
		take(m, trace_field(l, "pfn"), sc_page() << trace_field(l, "order"));
	else if (!strncmp(l->event, "mm_page_free", 12))
		give(m, trace_field(l, "pfn"));
	else if ((!strcmp(l->event, "kmalloc") || !strcmp(l->event, "kmem_cache_alloc")) &&
		 trace_field(l, "bytes_alloc") <= 2 * sc_page())
		take(m, strtoull(strstr(l->text, "ptr=") + 4, NULL, 16),
		     trace_field(l, "bytes_alloc"));
	else if (!strcmp(l->event, "kfree") || !strcmp(l->event, "kmem_cache_free"))
		give(m, strtoull(strstr(l->text, "ptr=") + 4, NULL, 16));
}

static void one_round(struct arena *a, enum engine who, bool counts, void *data)
{
	struct memory *m = data;

	trace_collapse(a, who);
	if (!counts || arena_small(a))
		return;
	m->count = 0;
	m->now = 0;
	m->most = 0;
	trace_read(account, m);
	sample(&m->peak[who], (m->most - (long)sc_extent()) / 1024.0);
}

void bench_memory(const struct plan *plan)
{
	static const char * const event[] = {
		"kmem/mm_page_alloc", "kmem/mm_page_free", "kmem/mm_page_free_batched",
		"kmem/kmalloc", "kmem/kmem_cache_alloc", "kmem/kfree", "kmem/kmem_cache_free",
		GROUP "/slab", GROUP "/slab_done",
	};
	const int *n;
	size_t i;
	int who;

	for (n = plan->mappers; *n; n++) {
		struct memory *m = calloc(1, sizeof(*m));
		struct arena *a = arena_make(*n, 1, shares());

		say("memory that a request takes, %d mappers", *n);
		trace_open();
		if (!trace_probe("p:" GROUP "/slab allocate_slab") ||
		    !trace_probe("r:" GROUP "/slab_done allocate_slab"))
			fail(EINVAL, "allocate_slab() cannot be probed");
		for (i = 0; i < ARRAY_SIZE(event); i++)
			trace_enable(event[i], NULL);
		alternate(a, RESTED, 1, half_the_rounds(plan), one_round, m);
		trace_close();
		for (who = 0; who < ENGINES; who++)
			result(who, *n, "extra_memory", "KiB", quantile(&m->peak[who], 0.5),
			       m->peak[who].count);
		arena_drop(a);
		free(m);
	}
}
