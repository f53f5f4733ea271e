// SPDX-License-Identifier: GPL-2.0
/*
 * The view of a process's page tables says what pagemap, smaps and VmPTE say: every entry is
 * counted once, and every table.
 */
#include "fixture.h"
#include "tables.h"

#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

/* A name with the extent's size. */
static const char *huge(const char *kind)
{
	static char name[64];

	snprintf(name, sizeof(name), "huge_%zukB_pmd_%s", sc_extent() / 1024, kind);
	return name;
}

/* Bytes of tables as the kernel charges them to a process: those above the PUDs are not. */
static long long charged(const char *answer)
{
	return sc_page() * (sc_figure_total(answer, "pte_tables") +
			    sc_figure_total(answer, "withheld_tables") +
			    sc_figure_total(answer, "pmd_tables") +
			    sc_figure_total(answer, "pud_tables"));
}

/* Every page of a pattern is either mapped or not, and both are counted. */
SC_TEST(entries_are_those_of_pagemap)
{
	long long present, total = 0;
	const char *answer;
	size_t i, punched;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 4, SC_SEED));
	for (i = 0, punched = 0; i < 2 * sc_nr(); i += 7, punched++)
		ASSERT_EQ(0, sc_punch(&self->seg, i, 1));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr + 3 * sc_extent(), sc_extent()));
	answer = sc_tables(getpid(), self->seg.addr, self->seg.len);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(3, sc_figure_at(answer, self->seg.addr, "pte_tables"));
	EXPECT_EQ(1, sc_figure_at(answer, self->seg.addr, huge("page")));
	EXPECT_EQ(punched, sc_figure_at(answer, self->seg.addr, "none"));
	present = sc_figure_at(answer, self->seg.addr, "page");
	EXPECT_EQ(3 * sc_nr(), punched + present);
	EXPECT_EQ(present + sc_nr(), sc_present(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ((present + sc_nr()) * sc_page(),
		  sc_smaps(getpid(), self->seg.addr, self->seg.len, "Rss"));
	EXPECT_EQ(1, sc_figure_total(answer, "mappings"));
	/* Page by page there is no other answer. */
	for (i = sc_nr() - 3; i < sc_nr() + 12; i++) {
		char *at = self->seg.addr + i * sc_page();
		long long page = sc_tables_of(getpid(), at, sc_page(), "page");

		EXPECT_EQ(sc_present(getpid(), at, sc_page()), page);
		EXPECT_EQ(1 - page, sc_tables_of(getpid(), at, sc_page(), "none"));
		total += page;
	}
	EXPECT_EQ(total, sc_tables_of(getpid(), self->seg.addr + (sc_nr() - 3) * sc_page(),
				      15 * sc_page(), "page"));
}

/* Every size of the memory of a process that stands still. */
SC_TEST(tables_are_those_of_vmpte)
{
	struct sc_mapper m;
	const char *answer;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 3, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	answer = sc_tables(m.pid, NULL, 0);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(sc_status(m.pid, "VmPTE"), charged(answer));
	EXPECT_LE(charged(answer) / 1024, sc_figure_total(answer, "tables_kB"));
	EXPECT_EQ(3, sc_figure_at(answer, m.addr, "pte_tables"));
	ASSERT_ERRNO(0, sc_collapse(m.pid, m.addr, 2 * sc_extent()));
	answer = sc_tables(m.pid, NULL, 0);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(sc_status(m.pid, "VmPTE"), charged(answer));
	EXPECT_EQ(1, sc_figure_at(answer, m.addr, "pte_tables"));
	EXPECT_EQ(2, sc_figure_at(answer, m.addr, huge("page")));
	sc_kill(&m, 1);
}

/* Maps anonymous memory huge, and reads -> errno */
static long op_anonymous(struct sc_child *child, const long *arg)
{
	char *at = sc_reserve(2 * sc_extent(), 0);

	at = mmap(at, 2 * sc_extent(), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (at == MAP_FAILED || madvise(at, 2 * sc_extent(), MADV_HUGEPAGE))
		return errno;
	__atomic_store_n(at, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(at + sc_extent(), __ATOMIC_RELAXED);
}

/* A huge page of anonymous memory has a table put aside, which its process pays for. */
SC_TEST(withheld_tables_are_those_of_vmpte)
{
	struct sc_mapper m;
	const char *answer;

	ASSERT_EQ(0, sc_switch(SC_THP "/enabled", "madvise"));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	EXPECT_EQ(0, sc_call(&m, op_anonymous, 0, 0, 0, 0));
	answer = sc_tables(m.pid, NULL, 0);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(sc_status(m.pid, "VmPTE"), charged(answer));
	EXPECT_LE(1, sc_figure_total(answer, huge("page")));
	EXPECT_EQ(sc_figure_total(answer, huge("page")) + sc_figure_total(answer, huge("special")),
		  sc_figure_total(answer, "withheld_tables"));
	sc_kill(&m, 1);
}

static char *map_anonymous(size_t len)
{
	char *at = sc_reserve(len, 0);

	at = mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return at == MAP_FAILED || madvise(at, len, MADV_NOHUGEPAGE) ? NULL : at;
}

/* The kinds that are neither none nor a page. */
SC_TEST(kinds_are_told_apart)
{
	const char *answer;
	long swapped;
	char *at;

	at = map_anonymous(sc_extent());
	ASSERT_NE(NULL, at);
	memset(at, 1, 32 * sc_page());
	ASSERT_EQ(0, madvise(at + 40 * sc_page(), 10 * sc_page(), MADV_POPULATE_READ));
	ASSERT_EQ(0, madvise(at + 100 * sc_page(), 5 * sc_page(), MADV_GUARD_INSTALL));
	answer = sc_tables(getpid(), at, sc_extent());
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(32, sc_figure_at(answer, at, "page"));
	EXPECT_EQ(10, sc_figure_at(answer, at, "special"));
	EXPECT_EQ(5, sc_figure_at(answer, at, "marker"));
	EXPECT_EQ(sc_nr() - 47, sc_figure_at(answer, at, "none"));
	EXPECT_EQ(0, sc_figure_at(answer, at, "empty_tables"));

	if (!sc_swap_on(&answer)) {
		swapped = sc_swap_out(at, 32 * sc_page());
		ASSERT_LT(0, swapped);
		EXPECT_EQ(swapped * sc_page(), sc_smaps(getpid(), at, sc_extent(), "Swap"));
		EXPECT_EQ(swapped, sc_tables_of(getpid(), at, sc_extent(), "swap"));
		EXPECT_EQ(32 - swapped, sc_tables_of(getpid(), at, sc_extent(), "page"));
	}
	munmap(at, sc_extent());
}

/* Tables with nothing in them, which stay after the pages have gone. */
SC_TEST(empty_tables)
{
	const char *answer;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 4, SC_SEED));
	EXPECT_EQ(0, sc_tables_of(getpid(), self->seg.addr, self->seg.len, "empty_tables"));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 3 * sc_nr() - 1));
	answer = sc_tables(getpid(), self->seg.addr, self->seg.len);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(4, sc_figure_total(answer, "pte_tables"));
	EXPECT_EQ(2, sc_figure_total(answer, "empty_tables"));
	EXPECT_EQ(3 * sc_nr() - 1, sc_figure_total(answer, "none"));
	EXPECT_EQ(sc_nr() + 1, sc_figure_total(answer, "page"));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 4 * sc_nr()));
	EXPECT_EQ(4, sc_tables_of(getpid(), self->seg.addr, self->seg.len, "empty_tables"));
}

/* Two mappings that share one table have it both, and the process has it once. */
SC_TEST(a_shared_table_counts_once)
{
	const char *answer;
	char *half;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	half = self->seg.addr + sc_extent() / 2;
	ASSERT_EQ(0, mprotect(half, sc_extent() / 2, PROT_READ));
	answer = sc_tables(getpid(), self->seg.addr, self->seg.len);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(2, sc_figure_total(answer, "mappings"));
	EXPECT_EQ(1, sc_figure_at(answer, self->seg.addr, "pte_tables"));
	EXPECT_EQ(1, sc_figure_at(answer, half, "pte_tables"));
	EXPECT_EQ(1, sc_figure_total(answer, "pte_tables"));
	EXPECT_EQ(sc_nr() / 2, sc_figure_at(answer, half, "page"));
	EXPECT_EQ(sc_nr(), sc_figure_total(answer, "page"));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, sc_nr()));
	answer = sc_tables(getpid(), self->seg.addr, self->seg.len);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(1, sc_figure_total(answer, "empty_tables"));
}

/* A huge address range without tables is not walked page by page. */
SC_TEST(nothing_is_quickly_looked_at)
{
	const size_t len = (size_t)1 << (sizeof(long) == 8 ? 40 : 28);
	const char *answer;
	char *at;

	at = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		SKIP(return, "no room for a large reservation");
	answer = sc_tables(getpid(), at, len);
	ASSERT_NE(NULL, answer);
	EXPECT_EQ(0, sc_figure_at(answer, at, "page"));
	EXPECT_GE(1, sc_figure_at(answer, at, "pte_tables"));
	munmap(at, len);
}

/* With a line for each mapping an answer might grow without bound: it says where to go on. */
SC_TEST(an_answer_has_a_bound)
{
	const int mappings = 24000;
	long long seen = 0, pages = 0;
	unsigned long from = 0, end;
	int fd, i, answers = 0;
	char request[80];
	char *at;

	at = map_anonymous(mappings * sc_page());
	ASSERT_NE(NULL, at);
	for (i = 0; i < mappings; i += 2)
		ASSERT_EQ(0, mprotect(at + i * sc_page(), sc_page(), PROT_READ));
	for (i = 1; i < mappings; i += 2)
		at[i * sc_page()] = 1;
	end = (unsigned long)at + mappings * sc_page();
	fd = sc_tables_open();
	ASSERT_LE(0, fd);
	for (from = (unsigned long)at; from && from < end; answers++) {
		const char *answer, *more;

		snprintf(request, sizeof(request), "0,%#lx,%#lx", from, end);
		ASSERT_ERRNO(0, sc_tables_ask(fd, request));
		answer = sc_tables_answer(fd);
		ASSERT_GT(1 << 20, strlen(answer));
		seen += sc_figure_total(answer, "mappings");
		pages += sc_figure_total(answer, "page");
		more = strstr(answer, "\nmore ");
		from = more ? strtoul(more + 6, NULL, 16) : 0;
	}
	close(fd);
	EXPECT_LT(1, answers);
	EXPECT_EQ(mappings, seen);
	EXPECT_EQ(mappings / 2, pages);
	munmap(at, mappings * sc_page());
}

/* Entries that the hardware may take for one, where there are such. */
SC_TEST(runs)
{
	const char *answer;
	long long pages;

	if (sc_mthp(64, "always"))
		SKIP(return, "this kernel has no shmem folios of 64 kB");
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	sc_mthp(64, "never");
	/* Mapped anew, many at once. */
	ASSERT_EQ(0, madvise(self->seg.addr, self->seg.len, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(self->seg.addr, self->seg.len, MADV_POPULATE_READ));
	answer = sc_tables(getpid(), self->seg.addr, self->seg.len);
	ASSERT_NE(NULL, answer);
	pages = sc_figure_total(answer, "page");
	EXPECT_EQ(sc_nr(), pages);
#ifdef __aarch64__
	if (sc_compound_pages(self->seg.addr, self->seg.len) == (long)sc_nr())
		EXPECT_EQ(sc_extent() / (64 << 10), sc_figure_total(answer, "runs"));
#else
	EXPECT_EQ(0, sc_figure_total(answer, "runs"));
#endif
}

TEST_HARNESS_MAIN
