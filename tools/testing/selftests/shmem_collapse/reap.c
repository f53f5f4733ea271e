// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables with nothing in them are given back on request: all of those, and no others. What
 * the memory holds stays as it is.
 */
#include "fixture.h"
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

#define EXTENTS	4

static long long tables(pid_t pid, const void *addr, size_t len)
{
	return sc_tables_of(pid, addr, len, "pte_tables");
}

static long long own_tables(const struct sc_segment *seg)
{
	return tables(getpid(), seg->addr, seg->len);
}

/* Tables of which all but the last are empty. */
static int make_empty(struct sc_segment *seg)
{
	int err = sc_create_filled(seg, SC_MEMFD, EXTENTS, SC_SEED);

	return err ?: sc_punch(seg, 0, (EXTENTS - 1) * sc_nr());
}

static size_t wrong_in_last(const struct sc_segment *seg)
{
	size_t last = (EXTENTS - 1) * sc_extent();

	return sc_verify(seg->addr + last, sc_extent(), SC_SEED, (EXTENTS - 1) * sc_nr());
}

SC_TEST(empty_tables_are_freed_and_no_others)
{
	long long before;

	ASSERT_EQ(0, make_empty(&self->seg));
	ASSERT_EQ(EXTENTS, own_tables(&self->seg));
	before = sc_status(getpid(), "VmPTE");
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ((EXTENTS - 1) * (long long)sc_page(), before - sc_status(getpid(), "VmPTE"));
	EXPECT_EQ(1, own_tables(&self->seg));
	EXPECT_EQ(0, sc_tables_of(getpid(), self->seg.addr, self->seg.len, "empty_tables"));
	EXPECT_GROWN(EXTENTS - 1, "page_tables_freed");
	/* No extent was asked for, and nothing is huge. */
	EXPECT_GROWN(0, "requests");
	EXPECT_GROWN(0, "extents");
	EXPECT_EQ(0, wrong_in_last(&self->seg));
	/* The memory is there as before. */
	EXPECT_TRUE(sc_page_is_zero(self->seg.addr));
	sc_fill(self->seg.addr, sc_extent(), 9, 0);
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), 9, 0));
	EXPECT_EQ(2, own_tables(&self->seg));
	/* Nothing is left to free. */
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(EXTENTS - 1, "page_tables_freed");
}

SC_TEST(only_in_the_range)
{
	ASSERT_EQ(0, make_empty(&self->seg));
	/* Not a whole table. */
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr + 1, 2 * sc_extent() - 2));
	EXPECT_GROWN(0, "page_tables_freed");
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr + 1, 2 * sc_extent()));
	EXPECT_GROWN(1, "page_tables_freed");
	EXPECT_EQ(0, tables(getpid(), self->seg.addr + sc_extent(), sc_extent()));
	EXPECT_EQ(1, tables(getpid(), self->seg.addr, sc_extent()));
	ASSERT_ERRNO(0, sc_reapf("%s,%zu,%zu", self->seg.path, 2 * sc_nr() - 1, 3 * sc_nr()));
	EXPECT_GROWN(2, "page_tables_freed");
	EXPECT_EQ(1, tables(getpid(), self->seg.addr, sc_extent()));
	ASSERT_ERRNO(0, sc_reapf("%d", getpid()));
	EXPECT_GROWN(3, "page_tables_freed");
	EXPECT_EQ(1, own_tables(&self->seg));
}

/* One page in each, at every edge, keeps a table. */
SC_TEST(a_page_keeps_a_table)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, sc_punch(&self->seg, 1, 2 * sc_nr() - 2));
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_GROWN(0, "page_tables_freed");
	EXPECT_EQ(2, own_tables(&self->seg));
	EXPECT_TRUE(sc_page_is(self->seg.addr, SC_SEED, 0));
}

/* What is in swap is in the file, and no entry says so. */
SC_TEST(swapped_memory)
{
	const char *reason;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	if (sc_swap_out(self->seg.addr, self->seg.len) != (long)(2 * sc_nr()))
		SKIP(return, "some pages stay in memory");
	EXPECT_EQ(2, sc_tables_of(getpid(), self->seg.addr, self->seg.len, "empty_tables"));
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(2, "page_tables_freed");
	EXPECT_EQ(0, own_tables(&self->seg));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* Addresses behind the end of a file that has shrunk. */
SC_TEST(truncated_file)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, ftruncate(self->seg.fd, sc_page()));
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_GROWN(EXTENTS - 1, "page_tables_freed");
	EXPECT_TRUE(sc_page_is(self->seg.addr, SC_SEED, 0));
	ASSERT_EQ(0, ftruncate(self->seg.fd, 0));
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_GROWN(EXTENTS, "page_tables_freed");
	EXPECT_EQ(-SIGBUS, sc_try_access(self->seg.addr, false));
}

/* --- what must stay -------------------------------------------------------------------------- */

/* Write protection of a userfaultfd is kept as markers, where there are no pages. */
SC_TEST(H3_H26_markers_of_a_userfaultfd)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int uffd;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, sc_nr()));
	uffd = sc_uffd_watch(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
			     self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_WP);
	if (uffd < 0)
		SKIP(return, "no userfaultfd write protection: %s", strerror(errno));
	wp.range.start = (unsigned long)self->seg.addr + 3 * sc_page();
	wp.range.len = sc_page();
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
	EXPECT_EQ(1, sc_tables_of(getpid(), self->seg.addr, self->seg.len, "marker"));
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_EQ(1, sc_tables_of(getpid(), self->seg.addr, self->seg.len, "marker"));
	EXPECT_GROWN(0, "page_tables_freed");
	close(uffd);
}

SC_TEST(H4_guard_pages)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, sc_nr()));
	if (madvise(self->seg.addr + 7 * sc_page(), sc_page(), MADV_GUARD_INSTALL))
		SKIP(return, "no guard pages: %s", strerror(errno));
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_EQ(1, sc_tables_of(getpid(), self->seg.addr, self->seg.len, "marker"));
	EXPECT_EQ(-SIGSEGV, sc_try_access(self->seg.addr + 7 * sc_page(), false));
	EXPECT_GROWN(0, "page_tables_freed");
}

/* A private mapping that had copies: its tables are trusted by fork(). */
SC_TEST(H22_private_copies)
{
	char *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	ASSERT_NE(MAP_FAILED, view);
	sc_fill_page(view + 3 * sc_page(), 9, 9);
	EXPECT_EQ(0, sc_verify(view + sc_extent(), sc_extent(), SC_SEED, sc_nr()));
	/* Takes the pages of the file out of the mapping, not the copy. */
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_ERRNO(0, sc_reap(getpid(), view, self->seg.len));
	EXPECT_GROWN(0, "page_tables_freed");
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	/* The shared mapping beside it lets go. */
	EXPECT_GROWN(2, "page_tables_freed");
	EXPECT_EQ(2, tables(getpid(), view, self->seg.len));
	EXPECT_TRUE(sc_page_is(view + 3 * sc_page(), 9, 9));
	munmap(view, self->seg.len);
}

/* One that had none is a mapping as any other. */
SC_TEST(private_mapping_without_copies)
{
	char *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_ERRNO(0, sc_reap(getpid(), view, self->seg.len));
	EXPECT_GROWN(2, "page_tables_freed");
	EXPECT_EQ(0, tables(getpid(), view, self->seg.len));
	munmap(view, self->seg.len);
}

/* A table that two mappings have a part of belongs to neither. */
SC_TEST(a_shared_table_stays)
{
	char *half;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	half = self->seg.addr + sc_extent() / 2;
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_EQ(0, mprotect(half, sc_extent(), PROT_READ));
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_GROWN(0, "page_tables_freed");
	ASSERT_EQ(0, mprotect(half, sc_extent(), PROT_READ | PROT_WRITE));
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(2, "page_tables_freed");
}

/* Empties the first of two tables in pieces, so that the kernel leaves it. */
static int empty_first(char *at)
{
	size_t half = sc_extent() / 2;

	memset(at, 1, 2 * sc_extent());
	return madvise(at, half, MADV_DONTNEED) ?: madvise(at + half, half, MADV_DONTNEED);
}

/* Memory that is not shmem keeps its tables, whatever is asked. */
#define EXPECT_STAYS(at) do { \
	EXPECT_EQ(1, sc_tables_of(getpid(), at, 2 * sc_extent(), "empty_tables")); \
	ASSERT_ERRNO(0, sc_reap(getpid(), at, 2 * sc_extent())); \
	ASSERT_ERRNO(0, sc_reapf("0")); \
	EXPECT_EQ(1, sc_tables_of(getpid(), at, 2 * sc_extent(), "empty_tables")); \
} while (0)

SC_TEST(anonymous_memory_stays)
{
	char *at = sc_reserve(2 * sc_extent(), 0);

	at = mmap(at, 2 * sc_extent(), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_NE(MAP_FAILED, at);
	ASSERT_EQ(0, madvise(at, 2 * sc_extent(), MADV_NOHUGEPAGE));
	ASSERT_EQ(0, empty_first(at));
	EXPECT_STAYS(at);
	munmap(at, 2 * sc_extent());
}

#define OTHER_MOUNT "/tmp/sc-ramfs"

/* Nothing but the file tells these mappings from shmem's: there are no private pages. */
SC_TEST(files_of_others_stay)
{
	char *at;
	int fd;

	mkdir("/tmp", 0777);
	mkdir(OTHER_MOUNT, 0777);
	if (mount("sc", OTHER_MOUNT, "ramfs", 0, NULL))
		SKIP(return, "ramfs: %s", strerror(errno));
	fd = open(OTHER_MOUNT "/file", O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 2 * sc_extent()));
	at = mmap(sc_reserve(2 * sc_extent(), 0), 2 * sc_extent(), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED, fd, 0);
	ASSERT_NE(MAP_FAILED, at);
	ASSERT_EQ(0, empty_first(at));
	EXPECT_STAYS(at);
	EXPECT_EQ(1, at[0]);
	munmap(at, 2 * sc_extent());
	close(fd);
	EXPECT_EQ(0, umount(OTHER_MOUNT));
}

/* --- mappings of every kind ------------------------------------------------------------------ */

/* Address and offset that are not congruent: no huge page fits, but a table is a table. */
SC_TEST(misaligned_mapping)
{
	char *at, *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	at = sc_reserve(EXTENTS * sc_extent(), 0);
	view = mmap(at, self->seg.len - sc_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    self->seg.fd, sc_page());
	ASSERT_EQ(at, view);
	EXPECT_EQ(0, sc_verify(view, self->seg.len - sc_page(), SC_SEED, 1));
	ASSERT_EQ(EXTENTS, tables(getpid(), view, self->seg.len));
	munmap(self->seg.addr, self->seg.len);
	self->seg.addr = NULL;
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_ERRNO(0, sc_reap(getpid(), view, self->seg.len));
	EXPECT_GROWN(1, "page_tables_freed");
	ASSERT_EQ(0, sc_punch(&self->seg, 0, EXTENTS * sc_nr()));
	/* An extent lies in two tables: its first page in the one that is gone. */
	ASSERT_ERRNO(0, sc_reapf("%s,%zu,%zu", self->seg.path, sc_nr(), 2 * sc_nr()));
	EXPECT_GROWN(2, "page_tables_freed");
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	/* The mapping ends before the last table does. */
	EXPECT_GROWN(EXTENTS - 1, "page_tables_freed");
	EXPECT_EQ(1, tables(getpid(), view, self->seg.len));
	munmap(view, self->seg.len - sc_page());
}

SC_TEST(locked_and_small_mappings)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, mlock2(self->seg.addr, self->seg.len, MLOCK_ONFAULT));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(2, "page_tables_freed");
	munlock(self->seg.addr, self->seg.len);
	/* Huge pages are refused, and there will be none. */
	sc_fill(self->seg.addr, self->seg.len, 7, 0);
	ASSERT_EQ(0, madvise(self->seg.addr, self->seg.len, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_GROWN(4, "page_tables_freed");
	EXPECT_TRUE(sc_page_is_zero(self->seg.addr));
}

/* System V memory and anonymous shared memory, by process. */
SC_TEST(nameless_memory)
{
	static const enum sc_kind kinds[] = { SC_SYSV, SC_ANON, SC_TMPFS };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct sc_segment seg;

		ASSERT_EQ(0, sc_create_filled(&seg, kinds[i], 2, SC_SEED));
		ASSERT_EQ(0, madvise(seg.addr, seg.len, MADV_REMOVE));
		EXPECT_EQ(2, sc_tables_of(getpid(), seg.addr, seg.len, "empty_tables"));
		ASSERT_ERRNO(0, sc_reapf("%d", getpid()));
		EXPECT_EQ(0, tables(getpid(), seg.addr, seg.len));
		EXPECT_GROWN(2 * (i + 1), "page_tables_freed");
		sc_destroy(&seg);
	}
}

/* --- whose tables ---------------------------------------------------------------------------- */

SC_TEST(by_process_only_its_own)
{
	struct sc_mapper m[3];
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, 3, &self->seg, SC_UNRELATED));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, EXTENTS * sc_nr()));
	ASSERT_ERRNO(0, sc_reap(m[1].pid, m[1].addr, self->seg.len));
	EXPECT_EQ(EXTENTS, tables(m[0].pid, m[0].addr, self->seg.len));
	EXPECT_EQ(0, tables(m[1].pid, m[1].addr, self->seg.len));
	EXPECT_EQ(EXTENTS, own_tables(&self->seg));
	EXPECT_GROWN(EXTENTS, "page_tables_freed");
	ASSERT_ERRNO(0, sc_reapf("%d", m[2].pid));
	EXPECT_GROWN(2 * EXTENTS, "page_tables_freed");
	EXPECT_EQ(EXTENTS, tables(m[0].pid, m[0].addr, self->seg.len));
	/* By path, those of all who map it. */
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	EXPECT_EQ(0, tables(m[0].pid, m[0].addr, self->seg.len));
	EXPECT_EQ(0, own_tables(&self->seg));
	EXPECT_GROWN(4 * EXTENTS, "page_tables_freed");
	sc_kill(m, 3);
}

#define PROCESSES	64
#define MANY		256
#define KEPT_EVERY	8

/* -> pages that are wrong: one of each extent is looked at */
static long op_look(struct sc_child *child, const long *arg)
{
	long wrong = 0, i;

	for (i = 0; i < MANY; i++)
		wrong += !sc_page_is(child->addr + i * sc_extent(), SC_SEED, i * sc_nr());
	return wrong;
}

/* At least 99 of 100 empty tables of all processes, and none of the others. */
SC_TEST(all_of_many_processes)
{
	long long kept = (MANY + KEPT_EVERY - 1) / KEPT_EVERY, empty = MANY - kept, before = 0;
	long long after = 0;
	static struct sc_mapper m[PROCESSES];
	int i;

	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, MANY));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->seg.addr);
	for (i = 0; i < MANY; i++)
		sc_fill_page(self->seg.addr + i * sc_extent(), SC_SEED, i * sc_nr());
	ASSERT_EQ(0, sc_spawn_n(m, PROCESSES, &self->seg, SC_UNRELATED));
	for (i = 0; i < PROCESSES; i++)
		ASSERT_EQ(0, sc_call(&m[i], op_look, 0, 0, 0, 0));
	for (i = 0; i < MANY; i++)
		if (i % KEPT_EVERY)
			ASSERT_EQ(0, sc_punch(&self->seg, i * sc_nr(), sc_nr()));
	for (i = 0; i < PROCESSES; i++)
		before += sc_status(m[i].pid, "VmPTE");
	ASSERT_ERRNO(0, sc_reapf("%s", self->seg.path));
	for (i = 0; i < PROCESSES; i++)
		after += sc_status(m[i].pid, "VmPTE");
	TH_LOG("page tables of %d processes: %lld kB before, %lld kB after", PROCESSES,
	       before / 1024, after / 1024);
	EXPECT_LE(PROCESSES * empty * 99 / 100, (before - after) / (long long)sc_page());
	/* None but those: each process has what it had of the others. */
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EQ(kept, sc_tables_of(m[i].pid, m[i].addr, self->seg.len, "page"));
	EXPECT_LE((PROCESSES + 1) * empty * 99 / 100,
		  (long long)sc_grown(&self->before, "page_tables_freed"));
	EXPECT_GE((PROCESSES + 1) * empty,
		  (long long)sc_grown(&self->before, "page_tables_freed"));
	sc_kill(m, PROCESSES);
}

TEST_HARNESS_MAIN
