// SPDX-License-Identifier: GPL-2.0
/* Counters of the kernel that must be as before when nothing is left. */
#include "stress.h"

#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Huge folios of shmem or anonymous memory, also those that nobody has any more. */
static long long huge_folios(void)
{
	const uint64_t is = 1ull << KPF_COMPOUND_HEAD | 1ull << KPF_SWAPBACKED;
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	long long n = 0;
	uint64_t flags;
	off_t at;

	for (at = 0; fd >= 0 && pread(fd, &flags, sizeof(flags), at) == sizeof(flags);
	     at += sc_nr() * sizeof(flags))
		n += (flags & is) == is;
	if (fd >= 0)
		close(fd);
	return n;
}

static long long used_in(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) ? -1 : (long long)(fs.f_blocks - fs.f_bfree);
}

static long long dying_groups(void)
{
	char text[256], *at;

	if (sc_read_file(CGROUP_ROOT "/cgroup.stat", text, sizeof(text)))
		return 0;
	at = strstr(text, "nr_dying_descendants");
	return at ? strtoll(at + strlen("nr_dying_descendants"), NULL, 10) : 0;
}

static long long swap_used(void)
{
	return sc_meminfo("SwapTotal") - sc_meminfo("SwapFree");
}

static long long memory_used(void)
{
	return sc_meminfo("MemTotal") - sc_meminfo("MemFree");
}

static const struct {
	const char *name, *field;	/* of /proc/meminfo */
	long long (*read)(void);
	/*
	 * Part of the memory by which it may differ: what the kernel keeps for itself. It counts
	 * its own page tables too. One of a process that is lost is also a complaint at its exit.
	 */
	int slack;
} rows[] = {
	{ "Shmem", "Shmem", NULL, 0 },
	{ "ShmemHugePages", "ShmemHugePages", NULL, 0 },
	{ "ShmemPmdMapped", "ShmemPmdMapped", NULL, 0 },
	{ "Mapped", "Mapped", NULL, 0 },
	{ "AnonHugePages", "AnonHugePages", NULL, 0 },
	{ "PageTables", "PageTables", NULL, 4096 },
	{ "Mlocked", "Mlocked", NULL, 0 },
	{ "swap in use", NULL, swap_used, 0 },
	{ "huge folios", NULL, huge_folios, 0 },
	{ "dying control groups", NULL, dying_groups, 0 },
	{ "memory in use", NULL, memory_used, 16 },
};

#define ROWS ((int)ARRAY_SIZE(rows))

void balance_take(struct balance *b)
{
	int i;

	for (i = 0; i < ROWS; i++)
		b->value[i] = rows[i].read ? rows[i].read() : sc_meminfo(rows[i].field);
	b->value[ROWS] = used_in("/dev/shm");
	b->value[ROWS + 1] = used_in("/tmp");
}

static bool row_differs(const struct balance *before, const struct balance *now, int i)
{
	long long by = now->value[i] - before->value[i];
	bool differs = by;

	if (i < ROWS && rows[i].slack)
		differs = by > sc_meminfo("MemTotal") / rows[i].slack;
	return differs;
}

bool balance_is(const struct balance *before)
{
	struct balance now;
	bool is = false;
	int tries, i;

	/* Exit of processes, RCU and workqueues take their time. */
	for (tries = 0; tries < 60 && !is; tries++) {
		if (tries)
			usleep(500000);
		if (tries % 10 == 0)
			sc_write_file("/proc/sys/vm/drop_caches", "3");
		balance_take(&now);
		for (i = 0, is = true; i < ROWS + 2; i++)
			is = is && !row_differs(before, &now, i);
	}
	for (i = 0; i < ROWS + 2; i++) {
		const char *name = i < ROWS ? rows[i].name : i == ROWS ? "/dev/shm" : "/tmp";

		printf("# %s: %lld before, %lld after%s\n", name, before->value[i], now.value[i],
		       row_differs(before, &now, i) ? "  <-- differs" : "");
	}
	return is;
}
