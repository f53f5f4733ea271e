// SPDX-License-Identifier: GPL-2.0
/* Mappings that something is set on: guard pages, soft-dirty bits, no huge pages; and neighbours. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* A segment of one extent, filled, which the test maps in the plain way. */
static int one_extent(struct sc_segment *seg)
{
	return sc_create_filled(seg, SC_MEMFD, 1, SC_SEED);
}

#define EXPECT_DATA(at, len, index) \
	EXPECT_EQ(0, sc_verify(at, len, SC_SEED, index))

#define COLLAPSE_ALL() \
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len))

/* Who refuses huge pages keeps small ones, and hinders nobody else. */
SC_TEST(another_mapping_refuses_huge_pages)
{
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, madvise(view, self->seg.len, MADV_NOHUGEPAGE));
	EXPECT_DATA(view, self->seg.len, 0);
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_DATA(view, self->seg.len, 0);
	munmap(view, self->seg.len);
}

SC_TEST(H4_guard_pages_stay)
{
	char *view;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_DATA(view, self->seg.len, 0);
	if (madvise(view + 3 * sc_page(), sc_page(), MADV_GUARD_INSTALL))
		SKIP(return, "the kernel has no guard pages in shared memory");
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(-SIGSEGV, sc_try_access(view + 3 * sc_page(), false));
	EXPECT_DATA(view, 3 * sc_page(), 0);
	EXPECT_DATA(view + 4 * sc_page(), self->seg.len - 4 * sc_page(), 4);
	munmap(view, self->seg.len);
}

/* Guards everywhere: the table holds nothing of ours, and must stay all the same. */
SC_TEST(H4_mapping_of_guard_pages_only)
{
	char *view;
	size_t i;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	if (madvise(view, self->seg.len, MADV_GUARD_INSTALL))
		SKIP(return, "the kernel has no guard pages in shared memory");
	COLLAPSE_ALL();
	for (i = 0; i < sc_nr(); i += sc_nr() / 4)
		EXPECT_EQ(-SIGSEGV, sc_try_access(view + i * sc_page(), false));
	munmap(view, self->seg.len);
}

/* Cleared; false where a page that was just written is not soft-dirty. */
static bool clear_soft_dirty(const char *written)
{
	return sc_soft_dirty(getpid(), written) && !sc_write_file("/proc/self/clear_refs", "4") &&
	       !sc_soft_dirty(getpid(), written);
}

SC_TEST(H37_soft_dirty_is_kept)
{
	ASSERT_EQ(0, one_extent(&self->seg));
	if (!clear_soft_dirty(self->seg.addr))
		SKIP(return, "the kernel has no soft-dirty bits");
	sc_fill_page(self->seg.addr + 5 * sc_page(), SC_SEED, 5);
	ASSERT_TRUE(sc_soft_dirty(getpid(), self->seg.addr + 5 * sc_page()));
	COLLAPSE_ALL();
	EXPECT_TRUE(sc_soft_dirty(getpid(), self->seg.addr + 5 * sc_page()));
	EXPECT_DATA(self->seg.addr, self->seg.len, 0);
}

/* A move entry by entry marks them soft-dirty although nobody can write through them. */
SC_TEST(H37_soft_dirty_of_clean_pages_is_kept)
{
	size_t half = sc_extent() / 2, at;
	char *view, *to;

	ASSERT_EQ(0, one_extent(&self->seg));
	view = sc_map_segment(&self->seg, PROT_READ);
	EXPECT_DATA(view, self->seg.len, 0);
	if (!clear_soft_dirty(self->seg.addr))
		SKIP(return, "the kernel has no soft-dirty bits");
	to = sc_reserve(self->seg.len, 0);
	/* By halves: a whole table would be moved as it is. */
	for (at = 0; at < self->seg.len; at += half)
		ASSERT_EQ(to + at, mremap(view + at, half, half,
					  MREMAP_MAYMOVE | MREMAP_FIXED, to + at));
	ASSERT_TRUE(sc_soft_dirty(getpid(), to));
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), to, self->seg.len));
	EXPECT_TRUE(sc_soft_dirty(getpid(), to));
	munmap(to, self->seg.len);
}

/* --- what is set for the whole mapping, though it concerns another extent ---------------------- */

/*
 * Nothing in the table of the first extent tells of it, and still the table must stay: the kernel
 * copies and moves tables of such a mapping without a second look at the pmd.
 */
SC_TEST(H4_guard_page_in_the_other_extent)
{
	char *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_DATA(view, self->seg.len, 0);
	if (madvise(view + sc_extent(), sc_page(), MADV_GUARD_INSTALL))
		SKIP(return, "the kernel has no guard pages in shared memory");
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), view, sc_extent()));
	EXPECT_DATA(view, sc_extent(), 0);
	EXPECT_EQ(-SIGSEGV, sc_try_access(view + sc_extent(), false));
	munmap(view, self->seg.len);
}

SC_TEST(H22_private_copy_in_the_other_extent)
{
	char *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_DATA(view, self->seg.len, 0);
	sc_fill_page(view + sc_extent(), 9, 9);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), view, sc_extent()));
	EXPECT_DATA(view, sc_extent(), 0);
	EXPECT_TRUE(sc_page_is(view + sc_extent(), 9, 9));
	munmap(view, self->seg.len);
}

/* --- other processes and neighbours ------------------------------------------------------------ */

static long op_disable(struct sc_child *child, const long *arg)
{
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		return errno;
	return sc_verify(child->addr, child->len, SC_SEED, 0);
}

SC_TEST(another_process_disabled_huge_pages)
{
	struct sc_mapper m;

	ASSERT_EQ(0, one_extent(&self->seg));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_call(&m, op_disable, 0, 0, 0, 0));
	COLLAPSE_ALL();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_EQ((long long)sc_extent(), sc_rss(m.pid));
	sc_kill(&m, 1);
}

/* Memory without pages stands on both sides; it is neither looked into nor in the way. */
SC_TEST(device_memory_next_door)
{
	size_t page = sc_page();
	char *at, *before, *after;
	int fd;

	fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "/dev/mem: %s", strerror(errno));
	ASSERT_EQ(0, one_extent(&self->seg));
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	at = sc_reserve(3 * sc_extent(), 0) + sc_extent();
	self->seg.addr = at;
	before = mmap(at - page, page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0xf0000);
	after = mmap(at + sc_extent(), page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0xf0000);
	close(fd);
	if (before == MAP_FAILED || after == MAP_FAILED)
		SKIP(return, "the kernel allows no mapping of that memory");
	ASSERT_EQ(at, mmap(at, sc_extent(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   self->seg.fd, 0));
	EXPECT_DATA(at, self->seg.len, 0);
	EXPECT_ERRNO(0, sc_collapse(getpid(), before, self->seg.len + 2 * page));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), at, self->seg.len));
	EXPECT_ERRNO(0, sc_collapsef("%d", getpid()));
	EXPECT_DATA(at, self->seg.len, 0);
	munmap(before, page);
	munmap(after, page);
}

TEST_HARNESS_MAIN
