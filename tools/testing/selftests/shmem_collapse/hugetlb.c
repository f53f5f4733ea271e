// SPDX-License-Identifier: GPL-2.0
/*
 * Hugetlb pages in the view of page tables: a page of every size that the machine has is found
 * where the architecture puts it, and where the kernel looks for it.
 */
#include "fixture.h"
#include "tables.h"

#include <dirent.h>
#include <sys/mman.h>

#define HUGEPAGES	"/sys/kernel/mm/hugepages"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

/* Which level has pages of @size, and in how many entries: what one entry translates decides. */
static const char *place_of(size_t size)
{
	/* A pud entry translates as many pmd entries as fit into a page. */
	size_t pud = sc_extent() * (sc_page() / 8);
	size_t one = size < sc_extent() ? sc_page() : size < pud ? sc_extent() : pud;
	const char *level = one == sc_page() ? "pte" : one == pud ? "pud" : "pmd";
	static char place[32];

	if (size == one)
		return level;
	snprintf(place, sizeof(place), "%zu%s", size / one, level);
	return place;
}

/* How many of a mapping's pages of @size are of one kind. */
static long long found(const char *addr, size_t len, size_t size, const char *kind)
{
	const char *answer = sc_tables(getpid(), addr, len);
	char name[64];

	snprintf(name, sizeof(name), "hugetlb_%zukB_%s_%s", size / 1024, place_of(size), kind);
	return answer ? sc_figure_at(answer, addr, name) : -1;
}

/* Reserves pages of @kb until @count are free; true if they are. */
static bool reserve(size_t kb, int count)
{
	char path[128], number[24];
	long long before, missing;

	snprintf(path, sizeof(path), HUGEPAGES "/hugepages-%zukB/free_hugepages", kb);
	missing = count - sc_read_number(path);
	snprintf(path, sizeof(path), HUGEPAGES "/hugepages-%zukB/nr_hugepages", kb);
	before = sc_read_number(path);
	snprintf(number, sizeof(number), "%lld", before + (missing > 0 ? missing : 0));
	sc_write_file(path, number);
	snprintf(path, sizeof(path), HUGEPAGES "/hugepages-%zukB/free_hugepages", kb);
	return sc_read_number(path) >= count;
}

static char *map_huge(size_t size, size_t len)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB |
		    __builtin_ctzl(size) << MAP_HUGE_SHIFT, -1, 0);
}

SC_TEST(every_size_is_found_where_it_stands)
{
	DIR *dir = opendir(HUGEPAGES);
	struct dirent *d;
	int sizes = 0;

	if (!dir)
		SKIP(return, "this kernel has no hugetlb pages");
	while ((d = readdir(dir))) {
		size_t kb, size;
		char *addr;

		if (sscanf(d->d_name, "hugepages-%zukB", &kb) != 1 || !reserve(kb, 1))
			continue;
		size = kb * 1024;
		addr = map_huge(size, size);
		ASSERT_NE(MAP_FAILED, addr);
		EXPECT_EQ(0, found(addr, size, size, "page"));
		addr[0] = 1;
		sizes++;
		TH_LOG("%zu kB: %s", kb, place_of(size));
		EXPECT_EQ(1, found(addr, size, size, "page"));
		EXPECT_EQ(0, found(addr, size, size, "none"));
		EXPECT_EQ(0, sc_tables_of(getpid(), addr, size, "elsewhere"));
		/* From the middle of the page, and from its end. */
		EXPECT_EQ(1, sc_tables_of(getpid(), addr + size / 2, sc_page(), "mappings"));
		EXPECT_EQ(size, sc_smaps(getpid(), addr, size, "KernelPageSize"));
		EXPECT_EQ(size, sc_smaps(getpid(), addr, size, "Shared_Hugetlb") +
				sc_smaps(getpid(), addr, size, "Private_Hugetlb"));
		munmap(addr, size);
	}
	closedir(dir);
	if (!sizes)
		SKIP(return, "no hugetlb page of any size can be had");
}

SC_TEST(pages_are_counted_one_by_one)
{
	const int pages = 3;
	size_t size = sc_extent();
	char *addr;

	if (!reserve(size / 1024, pages))
		SKIP(return, "no hugetlb pages of PMD size can be had");
	addr = map_huge(size, pages * size);
	ASSERT_NE(MAP_FAILED, addr);
	addr[0] = 1;
	addr[2 * size] = 1;
	/* The place between them has an entry with nothing in it. */
	EXPECT_EQ(2, found(addr, pages * size, size, "page"));
	EXPECT_EQ(1, found(addr, pages * size, size, "none"));
	EXPECT_EQ(0, sc_tables_of(getpid(), addr, pages * size, "elsewhere"));
	munmap(addr, pages * size);
}

TEST_HARNESS_MAIN
