// SPDX-License-Identifier: GPL-2.0
/* Extents that are huge already, but not mapped so everywhere. */
#include <sys/mman.h>

#include "fixture.h"

/*
 * Maps the huge folios page by page: no pmd can translate an extent while its first page has a
 * VMA of its own. Returns the number of faults.
 */
static long split(char *addr, size_t len)
{
	size_t at;
	long faults;

	for (at = 0; at < len; at += sc_extent())
		if (mprotect(addr + at, sc_page(), PROT_READ))
			return -1;
	faults = sc_touch(addr, len);
	return mprotect(addr, len, PROT_READ | PROT_WRITE) ? -1 : faults;
}

static long op_split(struct sc_child *child, const long *arg)
{
	return split(child->addr, child->len);
}

static long op_huge(struct sc_child *child, const long *arg)
{
	return sc_huge_mapped(getpid(), child->addr, child->len);
}

SC_TEST(mapped_by_pages_in_one_process)
{
	struct sc_mapper m[2];
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, 2, &self->seg, SC_UNRELATED));
	for (i = 0; i < 2; i++)
		sc_call(&m[i], sc_op_touch, 0, 0, 0, 0);
	ASSERT_EQ(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20));
	ASSERT_EQ(2, sc_call(&m[0], op_huge, 0, 0, 0, 0));

	ASSERT_LT(0, sc_call(&m[0], op_split, 0, 0, 0, 0));
	ASSERT_EQ(0, sc_call(&m[0], op_huge, 0, 0, 0, 0));
	ASSERT_EQ(2, sc_call(&m[1], op_huge, 0, 0, 0, 0));

	ASSERT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(2, sc_call(&m[i], op_huge, 0, 0, 0, 0));
		EXPECT_EQ(0, sc_call(&m[i], sc_op_touch, 0, 0, 0, 0));
		EXPECT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	}
	EXPECT_EQ(2, sc_grown(&self->before, "already_huge"));
	sc_kill(m, 2);
}

SC_TEST(not_when_each_process_shall_fault)
{
	struct sc_mapper m;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20));
	sc_call(&m, sc_op_touch, 0, 0, 0, 0);
	ASSERT_LT(0, sc_call(&m, op_split, 0, 0, 0, 0));
	ASSERT_EQ(0, sc_knob_set("map_all", "0"));
	EXPECT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_call(&m, op_huge, 0, 0, 0, 0));
	ASSERT_EQ(0, sc_knob_set("map_all", "1"));
	EXPECT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_call(&m, op_huge, 0, 0, 0, 0));
	sc_kill(&m, 1);
}

/* What was written through small mappings is there afterwards, in small pages again. */
SC_TEST(writes_are_kept)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20));
	ASSERT_LT(0, split(self->seg.addr, self->seg.len));
	sc_fill(self->seg.addr, self->seg.len, SC_SEED + 1, 0);
	ASSERT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	ASSERT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED + 1, 0));
	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, self->seg.len, SC_SEED + 1));
}

/* A mapping with a page of its own keeps it, and its table. */
SC_TEST(private_copies_stay)
{
	char *private;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20));
	private = sc_map(self->seg.fd, sc_extent(), PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	ASSERT_NE(MAP_FAILED, private);
	sc_touch(private, sc_extent());
	sc_fill_page(private, 77, 0);
	sc_touch(private, sc_extent());
	ASSERT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_TRUE(sc_page_is(private, 77, 0));
	EXPECT_EQ(0, sc_verify(private + sc_page(), sc_extent() - sc_page(), SC_SEED, 1));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	munmap(private, sc_extent());
}

/* The folio's count of locked mappings would come down once for each piece of a table. */
SC_TEST(H31_locked_mapping_stays)
{
	char *locked;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20));
	locked = sc_map(self->seg.fd, sc_extent(), PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, locked);
	ASSERT_EQ(0, mlock(locked, sc_extent()));
	ASSERT_LT(0, split(locked, sc_extent()));
	ASSERT_EQ(0, sc_huge_mapped(getpid(), locked, sc_extent()));
	EXPECT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), locked, sc_extent()));
	ASSERT_EQ(0, munlock(locked, sc_extent()));
	EXPECT_EQ(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), locked, sc_extent()));
	EXPECT_EQ(0, sc_verify(locked, sc_extent(), SC_SEED, 0));
	munmap(locked, sc_extent());
}

TEST_HARNESS_MAIN
