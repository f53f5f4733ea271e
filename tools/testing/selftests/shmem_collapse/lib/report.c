// SPDX-License-Identifier: GPL-2.0
/* What the kernel reports about a process's memory: smaps, status, pagemap, kpageflags. */
#include "sc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/kernel-page-flags.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PAGEMAP_PRESENT		(1ull << 63)
#define PAGEMAP_SOFT_DIRTY	(1ull << 55)
#define PAGEMAP_PFN		((1ull << 55) - 1)

/* The value of "Field:   123 kB" in bytes, or -1 if the line is another field. */
static long long field_bytes(const char *line, const char *field)
{
	size_t len = strlen(field);

	if (strncmp(line, field, len) || line[len] != ':')
		return -1;
	return strtoll(line + len + 1, NULL, 10) * 1024;
}

long long sc_smaps(pid_t pid, const void *addr, size_t len, const char *field)
{
	unsigned long from = (unsigned long)addr, to = from + len;
	long long sum = -1, n;
	char path[64], line[512], *end;
	bool inside = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start = strtoul(line, &end, 16);

		/* A VMA's first line is the only one that begins with two hex numbers. */
		if (end != line && *end == '-') {
			unsigned long stop = strtoul(end + 1, NULL, 16);

			inside = start < to && stop > from;
			continue;
		}
		n = inside ? field_bytes(line, field) : -1;
		if (n >= 0)
			sum = (sum < 0 ? 0 : sum) + n;
	}
	fclose(f);
	return sum;
}

static long long file_field(const char *path, const char *field)
{
	long long n = -1;
	char line[256];
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	while (n < 0 && fgets(line, sizeof(line), f))
		n = field_bytes(line, field);
	fclose(f);
	return n;
}

long long sc_status(pid_t pid, const char *field)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return file_field(path, field);
}

long long sc_smaps_rollup(pid_t pid, const char *field)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	return file_field(path, field);
}

long long sc_meminfo(const char *field)
{
	/* Counters are kept per CPU and folded from time to time: fold them now. */
	sc_write_file("/proc/sys/vm/stat_refresh", "1");
	return file_field("/proc/meminfo", field);
}

/* A line that begins with the address range of a VMA; where its path is, or "". */
static const char *vma_path(const char *line)
{
	const char *path = strchr(line, '/');

	return path ? path : "";
}

/* The file of a process's program if it lies in a tmpfs, as in an initramfs; else "". */
static void program_in_tmpfs(pid_t pid, char *exe, size_t size)
{
	char path[64];
	struct statfs fs;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	len = readlink(path, exe, size - 1);
	if (len < 0 || statfs(path, &fs) || fs.f_type != TMPFS_MAGIC)
		len = 0;
	exe[len] = '\0';
}

/* Shared memory that is not a test's: the program itself, the harness's small anonymous pieces. */
static long long program_rss(pid_t pid)
{
	char path[64], exe[256], line[512], *end;
	long long rss = 0, n;
	bool own = false;
	FILE *f;

	program_in_tmpfs(pid, exe, sizeof(exe));
	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start = strtoul(line, &end, 16);

		if (end != line && *end == '-') {
			size_t size = strtoul(end + 1, NULL, 16) - start;

			own = (*exe && !strncmp(vma_path(line), exe, strlen(exe))) ||
			      (size < sc_extent() && !strncmp(vma_path(line), "/dev/zero", 9));
		}
		n = own ? field_bytes(line, "Rss") : -1;
		rss += n > 0 ? n : 0;
		n = own ? field_bytes(line, "Anonymous") : -1;
		rss -= n > 0 ? n : 0;
	}
	fclose(f);
	return rss;
}

long long sc_rss(pid_t pid)
{
	long long program, now = program_rss(pid), rss;

	/* Reading may make this program map more of itself. */
	do {
		program = now;
		rss = sc_status(pid, "RssShmem");
		now = program_rss(pid);
	} while (now != program);
	return rss - program;
}

static int open_pagemap(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Pages of the range in the given pagemap categories. */
static long scan_pages(pid_t pid, const void *addr, size_t len, uint64_t categories)
{
	struct page_region region[64];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = (unsigned long)addr,
		.end = (unsigned long)addr + len,
		.vec = (unsigned long)region,
		.vec_len = 64,
		.category_mask = categories,
		.return_mask = categories,
	};
	long pages = 0;
	int fd, n, i;

	fd = open_pagemap(pid);
	if (fd < 0)
		return -1;
	do {
		n = ioctl(fd, PAGEMAP_SCAN, &arg);
		if (n < 0) {
			pages = -1;
			break;
		}
		for (i = 0; i < n; i++)
			pages += (region[i].end - region[i].start) / sc_page();
		arg.start = arg.walk_end;
	} while (arg.start < arg.end);
	close(fd);
	return pages;
}

int sc_huge_mapped(pid_t pid, const void *addr, size_t len)
{
	long pages = scan_pages(pid, addr, len, PAGE_IS_HUGE | PAGE_IS_PRESENT);

	return pages < 0 ? -1 : (int)(pages / (long)sc_nr());
}

long sc_present(pid_t pid, const void *addr, size_t len)
{
	return scan_pages(pid, addr, len, PAGE_IS_PRESENT);
}

static int pagemap_entry(int fd, const void *addr, uint64_t *entry)
{
	off_t at = (unsigned long)addr / sc_page() * sizeof(*entry);

	return pread(fd, entry, sizeof(*entry), at) == sizeof(*entry) ? 0 : EIO;
}

bool sc_soft_dirty(pid_t pid, const void *addr)
{
	uint64_t entry = 0;
	int fd = open_pagemap(pid);

	if (fd < 0)
		return false;
	pagemap_entry(fd, addr, &entry);
	close(fd);
	return entry & PAGEMAP_SOFT_DIRTY;
}

uint64_t sc_frame(const void *addr)
{
	uint64_t entry = 0;
	int fd = open_pagemap(getpid());

	if (fd < 0)
		return 0;
	if (pagemap_entry(fd, addr, &entry) || !(entry & PAGEMAP_PRESENT))
		entry = 0;
	close(fd);
	return entry & PAGEMAP_PFN;
}

static uint64_t page_flags(int flags_fd, uint64_t pfn)
{
	uint64_t flags = 0;

	if (pread(flags_fd, &flags, sizeof(flags), pfn * sizeof(flags)) != sizeof(flags))
		return 0;
	return flags;
}

struct folio_span {
	uint64_t first;
	size_t pages;
};

/* The folio of which @pfn is a page. */
static struct folio_span folio_of(int flags_fd, uint64_t pfn)
{
	const uint64_t head = 1ull << KPF_COMPOUND_HEAD, tail = 1ull << KPF_COMPOUND_TAIL;
	struct folio_span folio = { .first = pfn, .pages = 1 };

	if (!(page_flags(flags_fd, pfn) & (head | tail)))
		return folio;
	while (!(page_flags(flags_fd, folio.first) & head))
		folio.first--;
	while (page_flags(flags_fd, folio.first + folio.pages) & tail)
		folio.pages++;
	return folio;
}

/* Pages of the range whose folio has at least so many pages. */
static long pages_in_folios(const void *addr, size_t len, size_t at_least)
{
	struct folio_span folio = { .pages = 0 };
	const char *p = addr;
	uint64_t entry, pfn;
	int map, flags;
	long count = 0;
	size_t at;

	sc_touch(addr, len);
	map = open_pagemap(getpid());
	flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	for (at = 0; map >= 0 && flags >= 0 && at < len; at += sc_page()) {
		if (pagemap_entry(map, p + at, &entry) || !(entry & PAGEMAP_PRESENT))
			continue;
		pfn = entry & PAGEMAP_PFN;
		if (pfn < folio.first || pfn >= folio.first + folio.pages)
			folio = folio_of(flags, pfn);
		count += folio.pages >= at_least;
	}
	if (map >= 0)
		close(map);
	if (flags >= 0)
		close(flags);
	return count;
}

long sc_huge_pages(const void *addr, size_t len)
{
	return pages_in_folios(addr, len, sc_nr());
}

long sc_compound_pages(const void *addr, size_t len)
{
	return pages_in_folios(addr, len, 2);
}

int sc_split(const void *addr, size_t len)
{
	char request[96];
	unsigned long start = (unsigned long)addr;
	long long around;
	int err;

	if (access("/sys/kernel/debug/split_huge_pages", W_OK))
		return ENOENT;
	snprintf(request, sizeof(request), "%d,0x%lx,0x%lx", getpid(), start, start + len);
	around = sc_fault_around(sc_page());
	err = sc_write_file("/sys/kernel/debug/split_huge_pages", request);
	if (around > 0)
		sc_fault_around(around);
	return err;
}

long long sc_thp_event(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), SC_THP "/hugepages-%zukB/stats/%s", sc_extent() / 1024, name);
	return sc_read_number(path);
}
