// SPDX-License-Identifier: GPL-2.0
/* What a collapse frees leaves the LRU lists, and their counts. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GENERATIONS "/sys/kernel/debug/lru_gen"

/* Bytes of shmem and anonymous memory that a group has on the lists, by its statistics. */
static long long by_statistics(const char *group)
{
	return sc_cgroup_stat(group, "active_anon") + sc_cgroup_stat(group, "inactive_anon");
}

/* What debugfs says of a group. */
struct generations {
	unsigned long id, newest;
	unsigned int node;
	long long pages;
};

static bool read_generations(const char *group, struct generations *g)
{
	const char *name = strrchr(group, '/');
	bool of_group = false, found = false;
	unsigned long id;
	long long pages;
	char line[512];
	FILE *f;

	memset(g, 0, sizeof(*g));
	f = fopen(GENERATIONS, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "memcg %lu", &id) == 1) {
			of_group = strrchr(line, '/') && !strcmp(strrchr(line, '/'), name);
			if (of_group)
				g->id = id;
		} else if (of_group && sscanf(line, " %lu %*u %lld", &g->newest, &pages) == 2) {
			g->pages += pages;
			found = true;
		} else if (of_group && sscanf(line, " node %u", &g->node) != 1) {
			break;
		}
	}
	fclose(f);
	return found;
}

/* The same by the counts of the generations; -1 if there are none. */
static long long by_generations(const char *group)
{
	struct generations g;

	return read_generations(group, &g) ? g.pages * (long long)sc_page() : -1;
}

/* Begins a new generation, of all pages that were accessed since the last. */
static int age(const char *group)
{
	struct generations g;
	char command[96];

	if (!read_generations(group, &g))
		return ENOENT;
	snprintf(command, sizeof(command), "+ %lu %u %lu 1 1", g.id, g.node, g.newest);
	return sc_write_file(GENERATIONS, command);
}

/* Whether what @count says comes to lie between these, after a while: sums are made every 2 s. */
static bool settles(long long (*count)(const char *group), const char *group, long long least,
		    long long most)
{
	long long found = 0;
	int tries;

	for (tries = 0; tries < 60; tries++) {
		found = count(group);
		if (found >= least && found <= most)
			return true;
		usleep(100000);
	}
	fprintf(stderr, "# %lld, not %lld to %lld\n", found, least, most);
	return false;
}

static long op_touch_every_third_page(struct sc_child *child, const long *arg)
{
	size_t at;

	for (at = 0; at < child->len; at += 3 * sc_page())
		sc_touch(child->addr + at, sc_page());
	return 0;
}

static void collapse_and_count(struct __test_metadata *_metadata, struct sc_segment *seg,
			       bool generations)
{
	/* The process itself has some memory in the group, too. */
	const long long more = 128 * sc_page();
	struct sc_mapper owner;
	char group[128];
	int err;

	err = sc_cgroup_create(group, sizeof(group), "sc-lru");
	if (err)
		SKIP(return, "no memory control group: %s", strerror(err));
	ASSERT_EQ(0, sc_create(seg, SC_MEMFD, 2));
	ASSERT_EQ(0, sc_spawn(&owner, seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_cgroup_enter(group, owner.pid));
	ASSERT_EQ(0, sc_call(&owner, sc_op_fill, SC_SEED, 0, 0, 0));
	if (generations) {
		/* Neighbours are in different ones. */
		ASSERT_ERRNO(0, age(group));
		ASSERT_EQ(0, sc_call(&owner, op_touch_every_third_page, 0, 0, 0, 0));
		ASSERT_ERRNO(0, age(group));
	}
	EXPECT_ERRNO(0, sc_collapse(owner.pid, owner.addr, seg->len));
	EXPECT_EQ(2, sc_huge_mapped(owner.pid, owner.addr, seg->len));
	EXPECT_TRUE(settles(by_statistics, group, seg->len, seg->len + more));
	if (generations)
		EXPECT_TRUE(settles(by_generations, group, seg->len, seg->len + more));
	sc_kill(&owner, 1);
	sc_destroy(seg);
	EXPECT_TRUE(settles(by_statistics, group, 0, 0));
	if (generations)
		EXPECT_TRUE(settles(by_generations, group, 0, 0));
	sc_cgroup_remove(group);
}

SC_TEST(generations)
{
	if (sc_switch("/sys/kernel/mm/lru_gen/enabled", "y") || access(GENERATIONS, W_OK))
		SKIP(return, "this kernel has no multi-gen LRU lists");
	collapse_and_count(_metadata, &self->seg, true);
}

SC_TEST(active_and_inactive_list)
{
	/* Without generations to switch off there is nothing else. */
	sc_switch("/sys/kernel/mm/lru_gen/enabled", "n");
	collapse_and_count(_metadata, &self->seg, false);
}

TEST_HARNESS_MAIN
