// SPDX-License-Identifier: GPL-2.0
/* Mappings that are not simple: partial, misaligned, private, locked, protected, moved. */
#include "fixture.h"

#include <signal.h>

/* A segment of one extent, filled, which the test maps in the plain way. */
static int one_extent(struct sc_segment *seg)
{
	return sc_create_filled(seg, SC_MEMFD, 1, SC_SEED);
}

#define EXPECT_DATA(at, len, index) \
	EXPECT_EQ(0, sc_verify(at, len, SC_SEED, index))

#define COLLAPSE_ALL() \
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len))

SC_TEST(mapping_of_the_first_half)
{
	size_t half = sc_extent() / 2;
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map(self->seg.fd, half, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_DATA(view, half, 0);
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_DATA(view, half, 0);
	EXPECT_DATA(self->seg.addr, self->seg.len, 0);
	/* Both mappings show the same page. */
	sc_fill_page(view, 7, 7);
	EXPECT_TRUE(sc_page_is(self->seg.addr, 7, 7));
	munmap(view, half);
}

SC_TEST(mapping_of_the_second_half)
{
	size_t half = sc_extent() / 2;
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map(self->seg.fd, half, PROT_READ | PROT_WRITE, MAP_SHARED, half);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_DATA(view, half, sc_nr() / 2);
	COLLAPSE_ALL();
	EXPECT_DATA(view, half, sc_nr() / 2);
	sc_fill_page(view, 7, 7);
	EXPECT_TRUE(sc_page_is(self->seg.addr + half, 7, 7));
	munmap(view, half);
}

/* Nobody maps the whole extent. */
SC_TEST(only_partial_mappings)
{
	size_t half = sc_extent() / 2;
	char *low, *high;

	ASSERT_EQ(0, one_extent(&self->seg));
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	self->seg.addr = NULL;
	low = sc_map(self->seg.fd, half, PROT_READ, MAP_SHARED, 0);
	high = sc_map(self->seg.fd, half, PROT_READ | PROT_WRITE, MAP_SHARED, half);
	ASSERT_NE(MAP_FAILED, low);
	ASSERT_NE(MAP_FAILED, high);
	EXPECT_DATA(low, half, 0);
	EXPECT_DATA(high, half, sc_nr() / 2);
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_DATA(low, half, 0);
	EXPECT_DATA(high, half, sc_nr() / 2);
	EXPECT_EQ((long)sc_nr() / 2, sc_compound_pages(low, half));
	EXPECT_GROWN(1, "collapsed");
	munmap(low, half);
	munmap(high, half);
}

/* An address one page beyond where the file's extent would have to be. */
static char *map_misaligned(struct sc_segment *seg, size_t len)
{
	char *at = sc_reserve(len + sc_extent(), 0);

	if (at == MAP_FAILED)
		return MAP_FAILED;
	return mmap(at + sc_page(), len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    seg->fd, 0);
}

SC_TEST(misaligned_mapping_asked_for)
{
	struct sc_account before, after;
	char *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 3, SC_SEED));
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	self->seg.addr = NULL;
	view = map_misaligned(&self->seg, self->seg.len);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_DATA(view, self->seg.len, 0);
	sc_account(&before, self->seg.fd, getpid(), NULL);
	EXPECT_ERRNO(EINVAL, sc_collapse(getpid(), view, self->seg.len));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_LT(0, sc_grown(&self->before, "failed_misaligned"));
	EXPECT_GROWN(0, "collapsed");
	EXPECT_DATA(view, self->seg.len, 0);
	munmap(view, self->seg.len);
}

SC_TEST(misaligned_mapping_elsewhere)
{
	char *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	view = map_misaligned(&self->seg, self->seg.len);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_DATA(view, self->seg.len, 0);
	COLLAPSE_ALL();
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_DATA(view, self->seg.len, 0);
	sc_fill_page(self->seg.addr + sc_extent(), 7, 7);
	EXPECT_TRUE(sc_page_is(view + sc_extent(), 7, 7));
	EXPECT_EQ(2 * (long)sc_extent(), sc_smaps(getpid(), view, self->seg.len, "Rss"));
	munmap(view, self->seg.len);
}

SC_TEST(two_mappings_in_one_process)
{
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_DATA(view, self->seg.len, 0);
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_EQ(2 * (long long)sc_extent(), sc_rss(getpid()));
	EXPECT_DATA(view, self->seg.len, 0);
	munmap(view, self->seg.len);
	EXPECT_EQ((long long)sc_extent(), sc_rss(getpid()));
}

SC_TEST(extent_over_two_mappings)
{
	size_t half = sc_extent() / 2;

	ASSERT_EQ(0, one_extent(&self->seg));
	ASSERT_EQ(0, mprotect(self->seg.addr + half, half, PROT_READ));
	COLLAPSE_ALL();
	EXPECT_GROWN(1, "collapsed");
	/* One folio, of which each VMA maps its half in small pieces. */
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ((long)sc_nr(), sc_huge_pages(self->seg.addr, self->seg.len));
	EXPECT_DATA(self->seg.addr, self->seg.len, 0);
	EXPECT_EQ(0, sc_try_access(self->seg.addr, true));
	EXPECT_EQ(-SIGSEGV, sc_try_access(self->seg.addr + half, true));
	EXPECT_EQ(0, sc_try_access(self->seg.addr + half, false));
}

SC_TEST(read_only_mapping)
{
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ);
	EXPECT_DATA(view, self->seg.len, 0);
	ASSERT_ERRNO(0, sc_collapse(getpid(), view, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(-SIGSEGV, sc_try_access(view, true));
	EXPECT_DATA(view, self->seg.len, 0);
	ASSERT_EQ(0, mprotect(view, self->seg.len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, sc_try_access(view, true));
	munmap(view, self->seg.len);
}

SC_TEST(mapping_without_access)
{
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_DATA(view, self->seg.len, 0);
	ASSERT_EQ(0, mprotect(view, self->seg.len, PROT_NONE));
	COLLAPSE_ALL();
	EXPECT_EQ(-SIGSEGV, sc_try_access(view, false));
	ASSERT_EQ(0, mprotect(view, self->seg.len, PROT_READ | PROT_WRITE));
	EXPECT_DATA(view, self->seg.len, 0);
	sc_fill_page(view, 7, 7);
	EXPECT_TRUE(sc_page_is(self->seg.addr, 7, 7));
	munmap(view, self->seg.len);
}

SC_TEST(private_mapping_without_copies)
{
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	EXPECT_DATA(view, self->seg.len, 0);
	COLLAPSE_ALL();
	EXPECT_DATA(view, self->seg.len, 0);
	/* It still follows the file, and what is written to it stays private. */
	sc_fill_page(self->seg.addr, 7, 7);
	EXPECT_TRUE(sc_page_is(view, 7, 7));
	sc_fill_page(view + sc_page(), 8, 8);
	EXPECT_TRUE(sc_page_is(self->seg.addr + sc_page(), SC_SEED, 1));
	EXPECT_TRUE(sc_page_is(view + sc_page(), 8, 8));
	munmap(view, self->seg.len);
}

SC_TEST(private_mapping_with_copies)
{
	char *view;
	size_t i;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	EXPECT_DATA(view, self->seg.len, 0);
	for (i = 0; i < sc_nr(); i += 3)
		sc_fill_page(view + i * sc_page(), 9, i);
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_DATA(self->seg.addr, self->seg.len, 0);
	for (i = 0; i < sc_nr(); i++)
		EXPECT_TRUE(sc_page_is(view + i * sc_page(), i % 3 ? SC_SEED : 9, i));
	/* A page that was not copied follows the file still. */
	sc_fill_page(self->seg.addr + sc_page(), 7, 7);
	EXPECT_TRUE(sc_page_is(view + sc_page(), 7, 7));
	munmap(view, self->seg.len);
}

SC_TEST(private_mapping_asked_for)
{
	char *view;
	size_t i;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	EXPECT_DATA(view, self->seg.len, 0);
	sc_fill_page(view, 9, 0);
	ASSERT_ERRNO(0, sc_collapse(getpid(), view, self->seg.len));
	EXPECT_TRUE(sc_page_is(view, 9, 0));
	for (i = 1; i < sc_nr(); i++)
		EXPECT_TRUE(sc_page_is(view + i * sc_page(), SC_SEED, i));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	munmap(view, self->seg.len);
}

SC_TEST(private_copies_in_a_forked_process)
{
	struct sc_segment view;
	struct sc_mapper m;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = self->seg;
	view.addr = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	sc_fill(view.addr, view.len, 9, 0);
	ASSERT_EQ(0, sc_spawn(&m, &view, SC_FORKED));
	COLLAPSE_ALL();
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, 9, 0, 0, 0));
	EXPECT_EQ(0, sc_call(&m, sc_op_fill, 10, 0, 0, 0));
	EXPECT_EQ(0, sc_verify(view.addr, view.len, 9, 0));
	EXPECT_DATA(self->seg.addr, self->seg.len, 0);
	sc_kill(&m, 1);
	munmap(view.addr, view.len);
}

SC_TEST(H31_locked_mapping)
{
	long long locked = sc_meminfo("Mlocked");

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, mlock(self->seg.addr, self->seg.len));
	COLLAPSE_ALL();
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ((long long)self->seg.len,
		  sc_smaps(getpid(), self->seg.addr, self->seg.len, "Locked"));
	EXPECT_EQ(0, sc_touch(self->seg.addr, self->seg.len));
	EXPECT_DATA(self->seg.addr, self->seg.len, 0);
	EXPECT_EQ(locked + (long long)self->seg.len, sc_meminfo("Mlocked"));
	ASSERT_EQ(0, munlock(self->seg.addr, self->seg.len));
	EXPECT_EQ(locked, sc_meminfo("Mlocked"));
	EXPECT_EQ(0, sc_smaps(getpid(), self->seg.addr, self->seg.len, "Locked"));
}

static long op_lock(struct sc_child *child, const long *arg)
{
	return mlock(child->addr, child->len);
}

SC_TEST(H31_locked_in_some_processes)
{
	long long locked = sc_meminfo("Mlocked");
	struct sc_mapper m[4];
	int i;

	ASSERT_EQ(0, one_extent(&self->seg));
	ASSERT_EQ(0, sc_spawn_n(m, 4, &self->seg, SC_UNRELATED));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, sc_call(&m[i], op_lock, 0, 0, 0, 0));
	COLLAPSE_ALL();
	for (i = 0; i < 4; i++) {
		/* A share of the extent: smaps divides it by the number of mappers. */
		EXPECT_EQ(i < 2, sc_smaps(m[i].pid, m[i].addr, self->seg.len, "Locked") > 0);
		EXPECT_EQ(1, sc_huge_mapped(m[i].pid, m[i].addr, self->seg.len));
	}
	EXPECT_EQ(locked + (long long)sc_extent(), sc_meminfo("Mlocked"));
	sc_kill(m, 4);
	EXPECT_EQ(locked, sc_meminfo("Mlocked"));
}

SC_TEST(mapping_that_was_moved)
{
	char *to, *moved;

	ASSERT_EQ(0, one_extent(&self->seg));
	to = sc_reserve(self->seg.len, 0);
	moved = mremap(self->seg.addr, self->seg.len, self->seg.len,
		       MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_EQ(to, moved);
	self->seg.addr = moved;
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), moved, self->seg.len));
	/* A huge mapping moves as well, also to where it can no longer be huge. */
	to = sc_reserve(self->seg.len + sc_extent(), 0) + sc_page();
	moved = mremap(self->seg.addr, self->seg.len, self->seg.len,
		       MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_EQ(to, moved);
	self->seg.addr = moved;
	EXPECT_DATA(moved, self->seg.len, 0);
}

SC_TEST(pages_dropped_by_some)
{
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_DATA(view, self->seg.len, 0);
	/* The table is there and empty. */
	ASSERT_EQ(0, madvise(view, self->seg.len, MADV_DONTNEED));
	COLLAPSE_ALL();
	EXPECT_DATA(view, self->seg.len, 0);
	EXPECT_EQ(1, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_EQ(2 * (long long)sc_extent(), sc_rss(getpid()));
	munmap(view, self->seg.len);
}

TEST_HARNESS_MAIN
