/* SPDX-License-Identifier: GPL-2.0 */
/* Memory control groups, and pages that they pay for. */
#ifndef SC_GROUPS_H
#define SC_GROUPS_H

#include <sys/stat.h>

#define SC_OWN_FIXTURE
#include "fixture.h"

FIXTURE(collapse)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_SETUP(collapse)
{
	if (access("/sys/fs/cgroup/memory.stat", R_OK))
		SKIP(return, "no memory control groups");
	SC_SETUP();
}

FIXTURE_TEARDOWN(collapse)
{
	SC_TEARDOWN();
}

#define MANY		64

/* The kernel charges a page to the group that a process is in when it touches it. */
struct groups {
	char path[MANY][128];
	int count;
	struct sc_mapper m;
};

static inline long op_fill_some(struct sc_child *child, const long *arg)
{
	long i;

	for (i = arg[0]; i < arg[1]; i += arg[2])
		sc_fill_page(child->addr + i * sc_page(), SC_SEED, i);
	return 0;
}

static inline int groups_begin(struct groups *g, struct sc_segment *seg, int count, size_t extents)
{
	char name[32];
	int err = 0;

	g->m.pid = 0;
	for (g->count = 0; g->count < count && !err; g->count++) {
		snprintf(name, sizeof(name), "sc-payer-%d", g->count);
		err = sc_cgroup_create(g->path[g->count], sizeof(g->path[0]), name);
	}
	err = err ?: sc_create(seg, SC_MEMFD, extents);
	return err ?: sc_spawn(&g->m, seg, SC_UNRELATED);
}

static inline void groups_end(struct groups *g, struct sc_segment *seg)
{
	sc_kill(&g->m, 1);
	sc_destroy(seg);
	while (g->count)
		sc_cgroup_remove(g->path[--g->count]);
}

static inline long join(struct groups *g, int nr)
{
	return sc_cgroup_enter(g->path[nr], g->m.pid);
}

/* Pages from @first up to @behind, every @step-th, are group @nr's. */
static inline long give(struct groups *g, int nr, long first, long behind, long step)
{
	return join(g, nr) ?: sc_call(&g->m, op_fill_some, first, behind, step, 0);
}

static inline long long has(struct groups *g, int nr, const char *field, long long expected)
{
	return sc_cgroup_settles(g->path[nr], field, expected);
}

#define BEGIN_GROUPS(count, extents) \
	ASSERT_ERRNO(0, groups_begin(&g, &self->seg, count, extents))

/* @nr has all huge pages, and nobody has anything else. */
#define EXPECT_PAYER(nr) do { \
	long long __all = self->seg.len; \
	int __i; \
	EXPECT_EQ(__all, has(&g, nr, "shmem_thp", __all)) \
		TH_LOG("group %d", nr); \
	for (__i = 0; __i < g.count; __i++) \
		EXPECT_EQ(__i == (nr) ? __all : 0, \
			  has(&g, __i, "shmem", __i == (nr) ? __all : 0)) \
			TH_LOG("group %d", __i); \
} while (0)

static inline long long event(struct groups *g, int nr, const char *name)
{
	char file[200], line[64];
	size_t len = strlen(name);
	long long n = -1;
	FILE *f;

	snprintf(file, sizeof(file), "%s/memory.events", g->path[nr]);
	f = fopen(file, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ' ')
			n = atoll(line + len);
	if (f)
		fclose(f);
	return n;
}

static inline int limit(struct groups *g, int nr, size_t bytes)
{
	char file[200], text[32];

	snprintf(file, sizeof(file), "%s/memory.max", g->path[nr]);
	snprintf(text, sizeof(text), "%zu", bytes);
	return sc_write_file(file, text);
}

#endif /* SC_GROUPS_H */
