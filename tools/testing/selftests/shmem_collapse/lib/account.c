// SPDX-License-Identifier: GPL-2.0
/* Everything a failed request must leave as it was. */
#include "sc.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

void sc_account(struct sc_account *a, int fd, pid_t pid, const char *cgroup)
{
	struct statfs fs;
	struct stat st;

	memset(a, 0, sizeof(*a));
	if (fd >= 0 && !fstat(fd, &st))
		a->blocks = st.st_blocks;
	if (fd >= 0 && !fstatfs(fd, &fs))
		a->free_blocks = fs.f_bfree;
	if (pid > 0)
		a->rss = sc_rss(pid);
	if (cgroup)
		a->memcg_shmem = sc_cgroup_stat(cgroup, "shmem");
	a->shmem = sc_meminfo("Shmem");
	a->shmem_huge = sc_meminfo("ShmemHugePages");
	a->swap_used = sc_meminfo("SwapTotal") - sc_meminfo("SwapFree");
}

int sc_account_differs(const struct sc_account *a, const struct sc_account *b, const char **what)
{
	const struct {
		const char *name;
		long long was, is;
	} row[] = {
		{ "Shmem", a->shmem, b->shmem },
		{ "ShmemHugePages", a->shmem_huge, b->shmem_huge },
		{ "free blocks of the file system", a->free_blocks, b->free_blocks },
		{ "blocks of the file", a->blocks, b->blocks },
		{ "RssShmem", a->rss, b->rss },
		{ "swap used", a->swap_used, b->swap_used },
		{ "shmem of the control group", a->memcg_shmem, b->memcg_shmem },
		{ NULL },
	};
	int i;

	for (i = 0; row[i].name && row[i].was == row[i].is; i++)
		;
	*what = row[i].name;
	if (!row[i].name)
		return 0;
	fprintf(stderr, "# %s: %lld before, %lld after\n", row[i].name, row[i].was, row[i].is);
	return 1;
}

int sc_cgroup_create(char *path, size_t size, const char *name)
{
	if (access(CGROUP_ROOT "/cgroup.controllers", F_OK) &&
	    mount("cgroup2", CGROUP_ROOT, "cgroup2", 0, NULL))
		return errno;
	if (sc_write_file(CGROUP_ROOT "/cgroup.subtree_control", "+memory"))
		return ENOTSUP;
	snprintf(path, size, CGROUP_ROOT "/%s-%d", name, getpid());
	return mkdir(path, 0755) ? errno : 0;
}

int sc_cgroup_enter(const char *path, pid_t pid)
{
	char file[200], text[16];

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	snprintf(text, sizeof(text), "%d", pid);
	return sc_write_file(file, text);
}

void sc_cgroup_remove(const char *path)
{
	int tries = 50;

	/* A process that was just killed still counts for a moment. */
	while (rmdir(path) && errno == EBUSY && tries--)
		usleep(20000);
}

long long sc_cgroup_stat(const char *path, const char *field)
{
	char file[200], line[128];
	size_t len = strlen(field);
	long long n = -1;
	FILE *f;

	snprintf(file, sizeof(file), "%s/memory.stat", path);
	f = fopen(file, "re");
	if (!f)
		return -1;
	while (n < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, len) && line[len] == ' ')
			n = strtoll(line + len, NULL, 10);
	fclose(f);
	return n;
}

long long sc_cgroup_settles(const char *path, const char *field, long long expected)
{
	long long n = sc_cgroup_stat(path, field);
	int tries;

	for (tries = 0; n != expected && tries < 60; tries++) {
		usleep(100000);
		n = sc_cgroup_stat(path, field);
	}
	return n;
}

int sc_drop_cap(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	unsigned int bit = 1u << (cap % 32);
	struct __user_cap_data_struct *set = &data[cap / 32];

	if (syscall(SYS_capget, &header, data))
		return errno;
	set->effective &= ~bit;
	set->permitted &= ~bit;
	set->inheritable &= ~bit;
	return syscall(SYS_capset, &header, data) ? errno : 0;
}

uint64_t sc_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}
