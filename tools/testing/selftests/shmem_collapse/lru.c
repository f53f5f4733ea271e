// SPDX-License-Identifier: GPL-2.0
/* What a collapse frees leaves the LRU lists, and their counts. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define GENERATIONS "/sys/kernel/debug/lru_gen"

/* Bytes of shmem and anonymous memory that a group has on the lists, by its statistics. */
static long long by_statistics(const char *group)
{
	return sc_cgroup_stat(group, "active_anon") + sc_cgroup_stat(group, "inactive_anon");
}

/* The same by the counts of the generations; -1 if there are none. */
static long long by_generations(const char *group)
{
	const char *name = strrchr(group, '/');
	long long pages = 0, found;
	bool of_group = false;
	char line[512], *end;
	FILE *f;

	f = fopen(GENERATIONS, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "memcg ", 6)) {
			line[strcspn(line, "\n")] = 0;
			end = strrchr(line, '/');
			of_group = end && !strcmp(end, name);
		} else if (of_group && sscanf(line, " %*u %*u %lld", &found) == 1) {
			pages += found;
		}
	}
	fclose(f);
	return pages * sc_page();
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

/* Every third page gets old before its time: neighbours are on different lists. */
static long op_age(struct sc_child *child, const long *arg)
{
	size_t at;

	for (at = 0; at < child->len; at += 3 * sc_page())
		if (madvise(child->addr + at, sc_page(), MADV_COLD))
			return errno;
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
	ASSERT_EQ(0, sc_call(&owner, op_age, 0, 0, 0, 0));
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
	if (sc_switch("/sys/kernel/mm/lru_gen/enabled", "y") || by_generations("/") < 0)
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
