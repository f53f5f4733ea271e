// SPDX-License-Identifier: GPL-2.0
/* What page tables of one architecture have and others do not. */
#include "fixture.h"
#include "tables.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>

#if defined(__aarch64__)
#ifndef PROT_MTE
#define PROT_MTE	0x20
#endif
#ifndef HWCAP2_MTE
#define HWCAP2_MTE	(1 << 18)
#endif
#define GRANULE		16
#define TAGS		16
#define TAG_SHIFT	56
/* This page is dropped from the file: what takes its place has no tags. */
#define HOLE		3

static unsigned int tag_of(const char *at)
{
	uint64_t tagged = (uint64_t)at;

	asm volatile(".arch_extension memtag\n\tldg %0, [%0]" : "+r" (tagged) :: "memory");
	return tagged >> TAG_SHIFT & (TAGS - 1);
}

static void set_tag(char *at, unsigned int tag)
{
	uint64_t tagged = (uint64_t)at | (uint64_t)tag << TAG_SHIFT;

	asm volatile(".arch_extension memtag\n\tstg %0, [%0]" :: "r" (tagged) : "memory");
}

/* The first and the last granule of each page have tags that depend on its index. */
static char *granule(char *view, size_t index, bool last)
{
	return view + index * sc_page() + (last ? sc_page() - GRANULE : 0);
}

static void set_tags(char *view)
{
	for (size_t i = 0; i < sc_nr(); i++) {
		set_tag(granule(view, i, false), i % TAGS);
		set_tag(granule(view, i, true), (7 * i + 1) % TAGS);
	}
}

static int wrong_tags(char *view)
{
	int wrong = 0;

	for (size_t i = 0; i < sc_nr(); i++) {
		wrong += tag_of(granule(view, i, false)) != (i == HOLE ? 0 : i % TAGS);
		wrong += tag_of(granule(view, i, true)) != (i == HOLE ? 0 : (7 * i + 1) % TAGS);
	}
	return wrong;
}

SC_TEST(H36_memory_tags_are_kept)
{
	char *view;
	pid_t pid;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_MTE))
		SKIP(return, "this machine has no memory tags");
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_WRITE | PROT_MTE, MAP_SHARED,
		      0);
	ASSERT_NE(MAP_FAILED, view);
	set_tags(view);
	ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       HOLE * sc_page(), sc_page()));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_EQ(0, wrong_tags(view));
	/* Tags are no part of the data. */
	EXPECT_EQ(0, sc_verify(view, HOLE * sc_page(), SC_SEED, 0));
	EXPECT_TRUE(sc_page_is_zero(view + HOLE * sc_page()));
	EXPECT_EQ(0, sc_verify(view + (HOLE + 1) * sc_page(), self->seg.len -
			       (HOLE + 1) * sc_page(), SC_SEED, HOLE + 1));
	pid = sc_fork();
	if (!pid)
		_exit(wrong_tags(view) ? 1 : 0);
	EXPECT_EQ(0, sc_join(pid));
	munmap(view, self->seg.len);
}
#endif /* __aarch64__ */

#if defined(__aarch64__) || defined(__riscv)
/* Of 16 entries of 4 KiB each, by the contiguous bit of one and Svnapot of the other. */
SC_TEST(hugetlb_page_of_64k_is_16_entries)
{
	const size_t size = 64 * 1024;
	char *addr;

	if (sc_page() != 4096)
		SKIP(return, "small pages have %zu bytes here", sc_page());
	ASSERT_EQ(0, sc_switch("/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages", "1"));
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB |
		    __builtin_ctzl(size) << 26, -1, 0);
	ASSERT_NE(MAP_FAILED, addr);
	sc_fill(addr, size, SC_SEED, 0);
	for (size_t at = 0; at < size; at += sc_page()) {
		EXPECT_EQ(1, sc_tables_of(getpid(), addr + at, sc_page(),
					  "hugetlb_64kB_16pte_page"));
		EXPECT_EQ(0, sc_tables_of(getpid(), addr + at, sc_page(), "elsewhere"));
	}
	EXPECT_EQ(0, sc_verify(addr, size, SC_SEED, 0));
	munmap(addr, size);
}
#endif

#if defined(__x86_64__)
/* The status of a child that writes: 0, or the reason why it was refused. */
static void refused(int signal, siginfo_t *info, void *context)
{
	_exit(info->si_code);
}

static int write_in_child(char *at)
{
	struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };
	pid_t pid = sc_fork();

	if (!pid) {
		sigaction(SIGSEGV, &action, NULL);
		__atomic_store_n(at, 1, __ATOMIC_RELAXED);
		_exit(0);
	}
	return sc_join(pid);
}

SC_TEST(protection_keys_are_kept)
{
	int key = pkey_alloc(0, PKEY_DISABLE_WRITE);
	char *view;

	if (key < 0)
		SKIP(return, "pkey_alloc: %s", strerror(errno));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, pkey_mprotect(view, self->seg.len, PROT_READ | PROT_WRITE, key));
	EXPECT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	ASSERT_EQ(SEGV_PKUERR, write_in_child(view));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_EQ(SEGV_PKUERR, write_in_child(view));
	EXPECT_EQ(0, write_in_child(self->seg.addr + 1));
	munmap(view, self->seg.len);
	pkey_free(key);
}
#endif

TEST_HARNESS_MAIN
