// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes map the memory: each sees the right bytes, has the extents mapped huge without
 * a further fault, and sees what the others write.
 */
#include "fixture.h"

#define MAX_MAPPERS 32

FIXTURE(mappers)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAX_MAPPERS];
};

FIXTURE_VARIANT(mappers)
{
	int count;
	enum sc_kinship kinship;
	size_t extents;
};

FIXTURE_VARIANT_ADD(mappers, one_forked)
{
	.count = 1, .kinship = SC_FORKED, .extents = 2,
};

FIXTURE_VARIANT_ADD(mappers, two_forked)
{
	.count = 2, .kinship = SC_FORKED, .extents = 2,
};

FIXTURE_VARIANT_ADD(mappers, eight_forked)
{
	.count = 8, .kinship = SC_FORKED, .extents = 2,
};

FIXTURE_VARIANT_ADD(mappers, many_forked)
{
	.count = MAX_MAPPERS, .kinship = SC_FORKED, .extents = 1,
};

FIXTURE_VARIANT_ADD(mappers, one_unrelated)
{
	.count = 1, .kinship = SC_UNRELATED, .extents = 2,
};

FIXTURE_VARIANT_ADD(mappers, two_unrelated)
{
	.count = 2, .kinship = SC_UNRELATED, .extents = 2,
};

FIXTURE_VARIANT_ADD(mappers, eight_unrelated)
{
	.count = 8, .kinship = SC_UNRELATED, .extents = 2,
};

FIXTURE_VARIANT_ADD(mappers, many_unrelated)
{
	.count = MAX_MAPPERS, .kinship = SC_UNRELATED, .extents = 1,
};

FIXTURE_SETUP(mappers)
{
	int i;

	SC_SETUP();
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, variant->extents, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(self->m, variant->count, &self->seg, variant->kinship));
	for (i = 0; i < variant->count; i++) {
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		/* Now nothing is left to fault for the code that counts faults. */
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_touch, 0, 0, 0, 0));
		ASSERT_EQ(0, sc_huge_mapped(self->m[i].pid, self->m[i].addr, self->seg.len));
	}
}

FIXTURE_TEARDOWN(mappers)
{
	sc_kill(self->m, variant->count);
	SC_TEARDOWN();
}

#define MAPPERS_TEST(name) TEST_F_TIMEOUT(mappers, name, SC_TIMEOUT)

MAPPERS_TEST(huge_everywhere_without_a_fault)
{
	struct sc_mapper *m;
	int i;

	ASSERT_ERRNO(0, sc_collapse(self->m[0].pid, self->m[0].addr, self->seg.len));
	for (i = 0; i < variant->count; i++) {
		m = &self->m[i];
		/* Looked at first: nothing has touched the memory since. */
		EXPECT_EQ((int)variant->extents,
			  sc_huge_mapped(m->pid, m->addr, self->seg.len));
		EXPECT_EQ((long long)self->seg.len,
			  sc_smaps(m->pid, m->addr, self->seg.len, "ShmemPmdMapped"));
		EXPECT_EQ((long long)self->seg.len,
			  sc_smaps(m->pid, m->addr, self->seg.len, "Rss"));
		EXPECT_EQ(0, sc_call(m, sc_op_touch, 0, 0, 0, 0));
		EXPECT_EQ(0, sc_call(m, sc_op_verify, SC_SEED, 0, 0, 0));
	}
	/* The creator maps the memory as well. */
	EXPECT_GROWN(variant->extents, "collapsed");
	EXPECT_GROWN(variant->extents * (variant->count + 1), "pmds_mapped");
	EXPECT_GROWN(variant->extents * (variant->count + 1), "page_tables_freed");
}

/* count -> words that are not what the others have written */
static long op_peek_all(struct sc_child *child, const long *arg)
{
	const char *last = child->addr + child->len - sc_page();
	long i, wrong = 0;

	for (i = 0; i < arg[0]; i++) {
		wrong += *(const uint64_t *)(child->addr + i * sc_page()) != 1000 + i;
		wrong += *(const uint64_t *)(last - i * sc_page()) != 2000 + i;
	}
	return wrong;
}

MAPPERS_TEST(writes_are_seen_by_all)
{
	size_t last = self->seg.len / sc_page() - 1;
	int i;

	ASSERT_ERRNO(0, sc_collapse(self->m[0].pid, self->m[0].addr, self->seg.len));
	for (i = 0; i < variant->count; i++) {
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_poke, i, 1000 + i, 0, 0));
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_poke, last - i, 2000 + i, 0, 0));
	}
	for (i = 0; i < variant->count; i++)
		EXPECT_EQ(0, sc_call(&self->m[i], op_peek_all, variant->count, 0, 0, 0));
}

MAPPERS_TEST(by_path)
{
	int i;

	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	for (i = 0; i < variant->count; i++) {
		EXPECT_EQ((int)variant->extents, sc_huge_mapped(self->m[i].pid, self->m[i].addr,
								self->seg.len));
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	}
}

MAPPERS_TEST(map_all_off_leaves_them_to_fault)
{
	int i;

	ASSERT_EQ(0, sc_knob_set("map_all", "0"));
	ASSERT_ERRNO(0, sc_collapse(self->m[0].pid, self->m[0].addr, self->seg.len));
	for (i = 0; i < variant->count; i++) {
		/* One fault per extent maps it huge. */
		EXPECT_EQ((long)variant->extents,
			  sc_call(&self->m[i], sc_op_touch, 0, 0, 0, 0));
		EXPECT_EQ((int)variant->extents, sc_huge_mapped(self->m[i].pid, self->m[i].addr,
								self->seg.len));
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	}
	EXPECT_GROWN(0, "pmds_mapped");
	EXPECT_GROWN(variant->extents * (variant->count + 1), "page_tables_freed");
}

MAPPERS_TEST(memory_is_given_back)
{
	long long shmem = sc_meminfo("Shmem"), huge = sc_meminfo("ShmemHugePages");
	int i;

	ASSERT_ERRNO(0, sc_collapse(self->m[0].pid, self->m[0].addr, self->seg.len));
	EXPECT_EQ(shmem, sc_meminfo("Shmem"));
	EXPECT_EQ(huge + (long long)self->seg.len, sc_meminfo("ShmemHugePages"));
	for (i = 0; i < variant->count; i++)
		EXPECT_EQ((long long)self->seg.len, sc_rss(self->m[i].pid));
	sc_kill(self->m, variant->count);
	sc_destroy(&self->seg);
	EXPECT_EQ(shmem - (long long)(variant->extents * sc_extent()), sc_meminfo("Shmem"));
	EXPECT_EQ(huge, sc_meminfo("ShmemHugePages"));
}

/* What is counted is what the processes have less of. */
MAPPERS_TEST(page_tables_are_given_back)
{
	long long before[MAX_MAPPERS], now;
	int i;

	for (i = 0; i < variant->count; i++)
		before[i] = sc_status(self->m[i].pid, "VmPTE");
	ASSERT_ERRNO(0, sc_collapse(self->m[0].pid, self->m[0].addr, self->seg.len));
	for (i = 0; i < variant->count; i++) {
		now = sc_status(self->m[i].pid, "VmPTE");
		EXPECT_EQ(before[i] - now, (long long)(variant->extents * sc_page()));
	}
	EXPECT_GROWN(variant->extents * (variant->count + 1), "page_tables_freed");
}

/* Those that have touched nothing yet get nothing, and one fault maps them huge. */
SC_TEST(mapper_that_touched_nothing)
{
	struct sc_mapper m;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_EQ(2, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	sc_kill(&m, 1);
}

/* Some pages are mapped, others not: the whole extent is mapped afterwards. */
SC_TEST(mapper_that_touched_some_pages)
{
	struct sc_mapper m;
	size_t i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	for (i = 0; i < sc_nr(); i += sc_nr() / 4)
		EXPECT_NE(-1, sc_call(&m, sc_op_peek, i, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	EXPECT_EQ((long long)sc_extent(), sc_rss(m.pid));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	sc_kill(&m, 1);
}

#define THOUSANDS 2000

/* The reverse map is walked with its lock held; others must run meanwhile, and nobody is missed. */
SC_TEST(H40_thousands_of_mappings)
{
	long long rss;
	uint64_t start;
	char *view;
	size_t i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_reserve(THOUSANDS * sc_extent(), 0);
	for (i = 0; i < THOUSANDS; i++) {
		char *at = view + i * sc_extent();

		ASSERT_EQ(at, mmap(at, sc_extent(), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, self->seg.fd, 0));
		ASSERT_TRUE(sc_page_is(at + i % sc_nr() * sc_page(), SC_SEED, i % sc_nr()));
	}
	start = sc_now_ns();
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	TH_LOG("%d mappings took %llu us", THOUSANDS + 1,
	       (unsigned long long)(sc_now_ns() - start) / 1000);
	EXPECT_GROWN(THOUSANDS + 1, "pmds_mapped");
	EXPECT_EQ(THOUSANDS, sc_huge_mapped(getpid(), view, THOUSANDS * sc_extent()));
	rss = sc_rss(getpid());
	EXPECT_EQ((THOUSANDS + 1) * (long long)sc_extent(), rss);
	for (i = 0; i < THOUSANDS; i += THOUSANDS / 4)
		EXPECT_EQ(0, sc_verify(view + i * sc_extent(), sc_extent(), SC_SEED, 0));
	munmap(view, THOUSANDS * sc_extent());
	EXPECT_EQ((long long)sc_extent(), sc_rss(getpid()));
}

TEST_HARNESS_MAIN
