// SPDX-License-Identifier: GPL-2.0
/*
 * Which memory cgroup pays for a huge page that the administrator asks for: the one that owns more
 * of the pages than any other. What is counted, and what is read from swap before it is known that
 * there is a huge page.
 */
#include <fcntl.h>

#include "groups.h"

/*
 * Three groups, page by page: of eight pages 2 are the first's, 3 the second's, 3 the third's, but
 * one: 128, 192 and 191 of 512, and a hole.
 */
static long interleave(struct groups *g, size_t extents)
{
	static const int owner[8] = { 0, 1, 2, 0, 1, 2, 1, 2 };
	long err = 0, all = extents * sc_nr(), nr = sc_nr(), at;
	int i;

	for (at = 0; at < all; at += nr)
		for (i = 0; i < 8 && !err; i++)
			err = give(g, owner[i], at + i, at + nr - (i == 7), 8);
	return err;
}

SC_TEST(more_than_any_other_without_a_majority)
{
	struct groups g;

	BEGIN_GROUPS(3, 1);
	ASSERT_EQ(0, interleave(&g, 1));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

SC_TEST(by_several_workers)
{
	struct groups g;

	if (sc_knob_set("workers", "2"))
		SKIP(return, "one CPU");
	BEGIN_GROUPS(3, 4);
	ASSERT_EQ(0, interleave(&g, 4));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

/* Votes that cancel each other leave the last two pages: nobody would say that they are most. */
SC_TEST(two_pages_do_not_pay_for_all)
{
	struct groups g;

	BEGIN_GROUPS(3, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr() - 2, 2));
	ASSERT_EQ(0, give(&g, 1, 1, sc_nr() - 2, 2));
	ASSERT_EQ(0, give(&g, 2, sc_nr() - 2, sc_nr(), 1));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	/* Of two that have as many, the one with the first page. */
	EXPECT_PAYER(0);
	groups_end(&g, &self->seg);
}

SC_TEST(one_page_more_and_holes)
{
	size_t half = sc_nr() / 2;
	struct groups g;

	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, half - 2, 2));
	ASSERT_EQ(0, give(&g, 1, 1, half, 2));
	ASSERT_EQ(0, give(&g, 1, half - 2, half - 1, 1));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(half, "holes_filled");
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

SC_TEST(one_page_and_holes)
{
	struct groups g;

	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 1, 7, 8, 1));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

/* Pages that were reserved, and never written, are charged like others. */
SC_TEST(preallocated_pages_count)
{
	struct groups g;
	pid_t pid;

	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, 0, sc_nr() / 4, 1));
	pid = sc_fork();
	if (!pid)
		_exit(sc_cgroup_enter(g.path[1], getpid()) ?:
		      fallocate(self->seg.fd, 0, 0, self->seg.len) ? 1 : 0);
	ASSERT_EQ(0, sc_join(pid));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

SC_TEST(many_groups)
{
	long each = sc_nr() / MANY;
	struct groups g;
	int i;

	BEGIN_GROUPS(MANY, 1);
	/* All have as many, but group 3, one of whose pages is group 40's. */
	ASSERT_EQ(0, give(&g, 40, 3, 4, 1));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, give(&g, i, i, each * MANY, MANY));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_PAYER(40);
	groups_end(&g, &self->seg);
}

/* Until the kernel has put away what is left of groups below @nr that were removed. */
static void wait_for_burials(struct groups *g, int nr)
{
	char file[200], text[256];
	int tries;

	snprintf(file, sizeof(file), "%s/cgroup.stat", g->path[nr]);
	for (tries = 0; tries < 100; tries++) {
		if (sc_read_file(file, text, sizeof(text)) ||
		    strstr(text, "nr_dying_descendants 0"))
			return;
		usleep(50000);
	}
}

/* What groups leave behind that are gone is their parent's, all of it. */
SC_TEST(pages_of_dead_groups)
{
	long part = sc_nr() * 3 / 10;
	char file[200], child[200];
	struct groups g;
	int i;

	BEGIN_GROUPS(2, 1);
	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", g.path[0]);
	ASSERT_EQ(0, sc_write_file(file, "+memory"));
	for (i = 0; i < 2; i++) {
		snprintf(child, sizeof(child), "%s/child", g.path[0]);
		ASSERT_EQ(0, mkdir(child, 0755));
		ASSERT_EQ(0, sc_cgroup_enter(child, g.m.pid));
		ASSERT_EQ(0, sc_call(&g.m, op_fill_some, i * part, (i + 1) * part, 1, 0));
		ASSERT_EQ(0, join(&g, 1));
		ASSERT_EQ(0, rmdir(child));
	}
	wait_for_burials(&g, 0);
	ASSERT_EQ(0, give(&g, 1, 2 * part, sc_nr(), 1));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_PAYER(0);
	groups_end(&g, &self->seg);
}

/* --- events ---------------------------------------------------------------------------------- */

struct counts {
	long long vm, failed, size, size_failed;
};

static long long vm_event(const char *name)
{
	char line[128];
	size_t len = strlen(name);
	long long n = -1;
	FILE *f = fopen("/proc/vmstat", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ' ')
			n = atoll(line + len);
	if (f)
		fclose(f);
	return n;
}

static void counts(struct counts *c)
{
	c->vm = vm_event("thp_collapse_alloc");
	c->failed = vm_event("thp_collapse_alloc_failed");
	c->size = sc_thp_event("collapse_alloc");
	c->size_failed = sc_thp_event("collapse_alloc_failed");
}

/* As MADV_COLLAPSE has them. A huge page that cannot be charged was allocated all the same. */
SC_TEST(events)
{
	struct counts before, after;
	long long tries;
	struct groups g;

	/* Nobody else makes huge pages meanwhile. */
	ASSERT_EQ(0, sc_switch(SC_THP "/enabled", "never"));
	BEGIN_GROUPS(1, 2);
	ASSERT_EQ(0, give(&g, 0, 0, 2 * sc_nr(), 1));
	EXPECT_EQ((long long)self->seg.len, has(&g, 0, "shmem", self->seg.len));
	EXPECT_EQ(0, has(&g, 0, "thp_collapse_alloc", 0));
	counts(&before);
	EXPECT_LE(0, before.vm);
	EXPECT_LE(0, before.size);
	ASSERT_EQ(0, limit(&g, 0, 2 * sc_extent() + sc_extent() / 2));
	EXPECT_ERRNO(ENOMEM, sc_collapsef("%s,0,%zu", self->seg.path, sc_nr()));
	EXPECT_GROWN(1, "failed_memcg_limit");
	counts(&after);
	EXPECT_EQ(before.vm + 1, after.vm);
	EXPECT_EQ(before.size + 1, after.size);
	EXPECT_EQ(0, has(&g, 0, "thp_collapse_alloc", 0));

	ASSERT_EQ(0, limit(&g, 0, 16 * sc_extent()));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	/* One for each try, of which there may be more than two. */
	counts(&after);
	tries = after.vm - before.vm - 1;
	EXPECT_LE(2, tries);
	EXPECT_EQ(before.size + 1 + tries, after.size);
	EXPECT_EQ(tries, has(&g, 0, "thp_collapse_alloc", tries));
	EXPECT_EQ(before.failed, after.failed);
	EXPECT_EQ(before.size_failed, after.size_failed);
	/* Nothing is allocated for what is huge. */
	before = after;
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	counts(&after);
	EXPECT_EQ(before.vm, after.vm);
	groups_end(&g, &self->seg);
}

/* --- swap ------------------------------------------------------------------------------------ */

static long op_swap_out(struct sc_child *child, const long *arg)
{
	return sc_swap_out(child->addr, child->len);
}

/* In a group without room nothing is read that nobody asked for. */
SC_TEST(full_group_reads_one_page)
{
	long long read;
	const char *reason;
	struct groups g;
	long all = 4 * sc_nr(), out;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	ASSERT_EQ(0, sc_switch("/proc/sys/vm/page-cluster", "0"));
	BEGIN_GROUPS(1, 4);
	ASSERT_EQ(0, give(&g, 0, 0, all, 1));
	out = sc_call(&g.m, op_swap_out, 0, 0, 0, 0);
	ASSERT_EQ(all, out);
	/* One page of the first extent is there. */
	ASSERT_EQ(0, sc_call(&g.m, op_fill_some, 5, 6, 1, 0));
	ASSERT_EQ(0, limit(&g, 0, sc_extent() - sc_page()));
	read = vm_event("pswpin");
	EXPECT_ERRNO(ENOMEM, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(4, "failed_memcg_limit");
	EXPECT_EQ(read + 3, vm_event("pswpin"));
	EXPECT_GROWN(3, "pages_swapped_in");
	/* And now none. */
	EXPECT_ERRNO(ENOMEM, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(read + 3, vm_event("pswpin"));
	ASSERT_EQ(0, limit(&g, 0, 64 * sc_extent()));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(all - 1, "pages_swapped_in");
	EXPECT_PAYER(0);
	EXPECT_EQ(0, sc_call(&g.m, sc_op_verify, SC_SEED, 0, 0, 0));
	groups_end(&g, &self->seg);
}

/* Swapped pages have no vote: who knows whose they will be. */
SC_TEST(swapped_pages_do_not_count)
{
	const char *reason;
	struct groups g;
	long few = sc_nr() / 8;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 0, few, sc_nr(), 1));
	ASSERT_EQ((long)sc_nr() - few, sc_call(&g.m, op_swap_out, 0, 0, 0, 0));
	ASSERT_EQ(0, give(&g, 1, 0, few, 1));
	/* A second try would find what the first has read. */
	ASSERT_EQ(0, sc_write_file("/proc/sys/vm/drop_caches", "1"));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(sc_nr() - few, "pages_swapped_in");
	EXPECT_PAYER(1);
	EXPECT_EQ(0, sc_call(&g.m, sc_op_verify, SC_SEED, 0, 0, 0));
	groups_end(&g, &self->seg);
}

/* The one page that is read tells whose the others are. */
SC_TEST(no_page_in_memory)
{
	const char *reason;
	struct groups g;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	BEGIN_GROUPS(2, 1);
	ASSERT_EQ(0, give(&g, 1, 0, sc_nr(), 1));
	ASSERT_EQ((long)sc_nr(), sc_call(&g.m, op_swap_out, 0, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(sc_nr(), "pages_swapped_in");
	EXPECT_PAYER(1);
	groups_end(&g, &self->seg);
}

TEST_HARNESS_MAIN
