// SPDX-License-Identifier: GPL-2.0
/*
 * What happens between the look at an empty table and the locks under which it is freed. On a
 * debug kernel only.
 */
#include "fixture.h"
#include "tables.h"

#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define PLACE	"reaping"
#define LONG_MS	60000

/* A request by path that has found the first table empty; its process maps nothing of it. */
static pid_t open_window(const struct sc_segment *seg)
{
	pid_t pid;

	if (sc_punch(seg, 0, sc_nr()) || sc_delay(PLACE, LONG_MS))
		return -1;
	pid = sc_fork();
	if (!pid) {
		munmap(seg->addr, seg->len);
		_exit(sc_reapf("%s,0,%zu", seg->path, sc_nr()));
	}
	return sc_delay_reached(PLACE) ? -1 : pid;
}

#define OPEN() ({ \
	pid_t __pid = -1; \
	ASSERT_TRUE(sc_has_faults()) \
		TH_LOG(SC_NO_FAULTS); \
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED)); \
	__pid = open_window(&self->seg); \
	ASSERT_LT(0, __pid); \
	__pid; \
})

static long long own_tables(const struct sc_segment *seg)
{
	return sc_tables_of(getpid(), seg->addr, sc_extent(), "pte_tables");
}

SC_TEST(nothing_happens)
{
	pid_t pid = OPEN();

	EXPECT_ERRNO(0, sc_window_close(pid, PLACE));
	EXPECT_EQ(0, own_tables(&self->seg));
	EXPECT_GROWN(1, "page_tables_freed");
	EXPECT_EQ(0, sc_verify(self->seg.addr + sc_extent(), sc_extent(), SC_SEED, sc_nr()));
}

/* Contents are tested under the locks again. */
SC_TEST(a_fault_fills_the_table)
{
	pid_t pid = OPEN();

	sc_fill_page(self->seg.addr + 7 * sc_page(), 9, 9);
	EXPECT_ERRNO(0, sc_window_close(pid, PLACE));
	EXPECT_EQ(1, own_tables(&self->seg));
	EXPECT_GROWN(0, "page_tables_freed");
	EXPECT_TRUE(sc_page_is(self->seg.addr + 7 * sc_page(), 9, 9));
	EXPECT_EQ(1, sc_tables_of(getpid(), self->seg.addr, sc_extent(), "page"));
}

SC_TEST(H4_a_guard_page_comes)
{
	pid_t pid = OPEN();

	if (madvise(self->seg.addr + 7 * sc_page(), sc_page(), MADV_GUARD_INSTALL))
		SKIP(return, "no guard pages");
	EXPECT_ERRNO(0, sc_window_close(pid, PLACE));
	EXPECT_EQ(1, sc_tables_of(getpid(), self->seg.addr, sc_extent(), "marker"));
	EXPECT_GROWN(0, "page_tables_freed");
}

/* Flags are tested under the locks again: nothing in this table tells. */
SC_TEST(H4_a_guard_page_comes_elsewhere)
{
	pid_t pid = OPEN();

	if (madvise(self->seg.addr + sc_extent(), sc_page(), MADV_GUARD_INSTALL))
		SKIP(return, "no guard pages");
	EXPECT_ERRNO(0, sc_window_close(pid, PLACE));
	EXPECT_EQ(1, own_tables(&self->seg));
	EXPECT_GROWN(0, "page_tables_freed");
}

/* The table goes of itself. */
SC_TEST(the_kernel_is_quicker)
{
	pid_t pid = OPEN();

	/* Over the whole table: that frees it, where the kernel does so. */
	ASSERT_EQ(0, madvise(self->seg.addr, sc_extent(), MADV_DONTNEED));
	EXPECT_ERRNO(0, sc_window_close(pid, PLACE));
	EXPECT_EQ(0, own_tables(&self->seg));
	sc_fill(self->seg.addr, sc_extent(), 9, 0);
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), 9, 0));
}

/* Another request collapses what came back meanwhile: a huge entry is no table. */
SC_TEST(a_huge_page_comes)
{
	pid_t pid = OPEN();

	sc_fill(self->seg.addr, sc_extent(), 9, 0);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	EXPECT_ERRNO(0, sc_window_close(pid, PLACE));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), 9, 0));
	/* The one that the collapse freed. */
	EXPECT_GROWN(1, "page_tables_freed");
}

/* A migration entry of a collapse that waits is no empty table, and no table. */
SC_TEST(a_collapse_waits)
{
	pid_t pid;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	pid = OPEN_WINDOW("copied");
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	ASSERT_ERRNO(0, sc_reapf("%d", getpid()));
	EXPECT_EQ(0, own_tables(&self->seg));
	EXPECT_EQ(1, sc_tables_of(getpid(), self->seg.addr, sc_extent(),
				  sc_extent() == 2 << 20 ? "huge_2048kB_pmd_migration" :
							   "huge_32768kB_pmd_migration"));
	EXPECT_ERRNO(0, sc_window_close(pid, "copied"));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
}

/* The point that stands for a table that must stay. */
SC_TEST(a_table_that_must_stay)
{
	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_EQ(0, sc_fail("reap", 1, 1));
	EXPECT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	sc_faults_off();
	EXPECT_GROWN(1, "page_tables_freed");
	EXPECT_EQ(1, own_tables(&self->seg) +
		     sc_tables_of(getpid(), self->seg.addr + sc_extent(), sc_extent(),
				  "pte_tables"));
}

TEST_HARNESS_MAIN
