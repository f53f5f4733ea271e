// SPDX-License-Identifier: GPL-2.0
/*
 * hugetlb_probe: the walker finds a hugetlb page of every size that the machine has where the
 * architecture puts it, and says the same as pagemap and smaps.
 */
#include "fixture.h"

#include <dirent.h>
#include <sys/mman.h>

#define HUGEPAGES	"/sys/kernel/mm/hugepages"
#define PROBE		SC_DIR "/hugetlb_probe"
#define RESULT		SC_DIR "/hugetlb_probe_result"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

struct answer {
	char level[8], kind[16];
	unsigned long long size, entries, pfn, raw;
};

static int probe(pid_t pid, const void *addr)
{
	char text[64];

	snprintf(text, sizeof(text), "%d,%#lx", pid, (unsigned long)addr);
	return sc_write_file(PROBE, text);
}

/* 0, the errno, or -1 if the answer has another form. */
static int result(struct answer *a)
{
	char text[256];
	int err = sc_read_file(RESULT, text, sizeof(text));

	if (err)
		return err;
	return sscanf(text, "level=%7s size=%llu entries=%llu kind=%15s pfn=%llx raw=%llx",
		      a->level, &a->size, &a->entries, a->kind, &a->pfn, &a->raw) == 6 ? 0 : -1;
}

/* Which level has pages of @size: what one entry translates decides. */
static const char *expected_level(size_t size)
{
	if (size < sc_extent())
		return "pte";
	/* A pud entry translates as many pmd entries as fit into a page. */
	return size < sc_extent() * (sc_page() / 8) ? "pmd" : "pud";
}

static unsigned long long expected_entries(size_t size)
{
	size_t one = sc_page();

	if (size >= sc_extent())
		one = sc_extent();
	if (size >= sc_extent() * (sc_page() / 8))
		one = sc_extent() * (sc_page() / 8);
	return size / one;
}

/* Reserves a page of @kb more; true if there is one. */
static bool reserve(size_t kb)
{
	char path[128], number[24];
	long long before;

	snprintf(path, sizeof(path), HUGEPAGES "/hugepages-%zukB/nr_hugepages", kb);
	before = sc_read_number(path);
	snprintf(number, sizeof(number), "%lld", before + 1);
	sc_write_file(path, number);
	snprintf(path, sizeof(path), HUGEPAGES "/hugepages-%zukB/free_hugepages", kb);
	return sc_read_number(path) > 0;
}

static char *map_huge(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
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
		struct answer a;
		size_t kb, size;
		char *addr;

		if (sscanf(d->d_name, "hugepages-%zukB", &kb) != 1 || !reserve(kb))
			continue;
		size = kb * 1024;
		addr = map_huge(size);
		ASSERT_NE(MAP_FAILED, addr);
		addr[0] = 1;
		sizes++;

		/* From the start, the middle and the end of the page. */
		ASSERT_ERRNO(0, probe(getpid(), addr));
		ASSERT_ERRNO(0, probe(getpid(), addr + size - 1));
		ASSERT_ERRNO(0, probe(getpid(), addr + size / 2));
		ASSERT_EQ(0, result(&a));
		TH_LOG("%zu kB: level %s, %llu entries", kb, a.level, a.entries);
		EXPECT_EQ(size, a.size);
		EXPECT_STREQ(expected_level(size), a.level);
		EXPECT_EQ(expected_entries(size), a.entries);
		EXPECT_STREQ("page", a.kind);
		EXPECT_EQ(sc_frame(addr), a.pfn);
		EXPECT_NE(0, a.pfn);
		EXPECT_NE(0, a.raw);
		EXPECT_EQ(size, sc_smaps(getpid(), addr, size, "KernelPageSize"));
		munmap(addr, size);
	}
	closedir(dir);
	if (!sizes)
		SKIP(return, "no hugetlb page of any size can be had");
}

SC_TEST(entry_without_page)
{
	struct answer a;
	char *addr;

	if (!reserve(sc_extent() / 1024))
		SKIP(return, "no hugetlb page of PMD size can be had");
	addr = map_huge(sc_extent());
	ASSERT_NE(MAP_FAILED, addr);
	/* Either there is no table for it yet, or the entry is empty. */
	if (!probe(getpid(), addr)) {
		ASSERT_EQ(0, result(&a));
		EXPECT_STREQ("none", a.kind);
		EXPECT_EQ(0, a.raw);
	} else {
		EXPECT_ERRNO(ENOENT, probe(getpid(), addr));
	}
	munmap(addr, sc_extent());
}

SC_TEST(errors_of_a_probe)
{
	struct answer a;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	EXPECT_ERRNO(EINVAL, sc_write_file(PROBE, "0"));
	EXPECT_ERRNO(EINVAL, sc_write_file(PROBE, "0,x"));
	EXPECT_ERRNO(EINVAL, sc_write_file(PROBE, "0,1,2"));
	EXPECT_ERRNO(EINVAL, sc_write_file(PROBE, ",4096"));
	EXPECT_ERRNO(ESRCH, probe(0x7ffffff0, self->seg.addr));
	/* No mapping, and one that is not of hugetlb. */
	EXPECT_ERRNO(EFAULT, probe(getpid(), NULL));
	EXPECT_ERRNO(EINVAL, probe(getpid(), self->seg.addr));
	/* An error leaves no answer behind. */
	EXPECT_ERRNO(ENODATA, result(&a));
}

SC_TEST(addresses_are_for_the_administrator)
{
	struct answer a;
	char *addr;
	pid_t pid;

	if (!reserve(sc_extent() / 1024))
		SKIP(return, "no hugetlb page of PMD size can be had");
	addr = map_huge(sc_extent());
	ASSERT_NE(MAP_FAILED, addr);
	addr[0] = 1;
	ASSERT_ERRNO(0, probe(getpid(), addr));
	pid = sc_fork();
	if (!pid) {
		bool right;

		/* Reading is for everybody, the frame is not. */
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(2);
		right = !result(&a) && !a.pfn && !a.raw && a.size == sc_extent();
		_exit(right && probe(getpid(), addr) == EACCES ? 0 : 1);
	}
	EXPECT_EQ(0, sc_join(pid));
	ASSERT_EQ(0, result(&a));
	EXPECT_NE(0, a.pfn);
	munmap(addr, sc_extent());
}

TEST_HARNESS_MAIN
