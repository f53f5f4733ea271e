// SPDX-License-Identifier: GPL-2.0
/* What a failed request must leave as it was, counter by counter. */
#include "scene.h"

#include <linux/quota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Counters that lag behind are read again for so long. */
#define SETTLE_TRIES	40
#define SETTLE_US	100000

/* So many changes make the kernel sum up a group. */
#define CHURN		160

/* Of our group so many pages may be charged to the batches of the CPUs. */
#define BATCHES		(256 * 4096)

static void add(struct sc_state *state, const char *who, const char *what, long long value)
{
	if (state->count == SC_SCENE_VALUES)
		abort();
	snprintf(state->row[state->count].name, sizeof(state->row[0].name), "%s %s", who, what);
	state->row[state->count++].value = value;
}

/* The value of "Field:   123 kB" in @text, or -1. */
static long long field(const char *text, const char *name)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "\n%s:", name);
	at = strstr(text, line);
	return at ? strtoll(at + strlen(line), NULL, 10) : -1;
}

static void add_machine(struct sc_state *state)
{
	static const char *const names[] = { "ShmemHugePages", "ShmemPmdMapped", "Mapped", "AnonPages",
					     "Mlocked" };
	char text[8192] = "";
	long long swap;
	size_t i;

	/* Counters are kept per CPU and folded from time to time: fold them now. */
	sc_write_file("/proc/sys/vm/stat_refresh", "1");
	sc_read_file("/proc/meminfo", text, sizeof(text));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		add(state, "machine", names[i], field(text, names[i]));
	swap = field(text, "SwapTotal") - field(text, "SwapFree");
	add(state, "machine", "Shmem + swap", field(text, "Shmem") + swap);
}

static void add_process(struct sc_state *state, const char *who, pid_t pid, bool all)
{
	char path[64], text[4096] = "";

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	sc_read_file(path, text, sizeof(text));
	add(state, who, "RssShmem", field(text, "RssShmem"));
	if (!all)
		return;
	add(state, who, "RssAnon", field(text, "RssAnon"));
	add(state, who, "RssFile", field(text, "RssFile"));
	add(state, who, "VmPTE", field(text, "VmPTE"));
	add(state, who, "VmLck", field(text, "VmLck"));
}

static long long quota_used(int fd)
{
	struct if_dqblk quota = { 0 };
	struct stat st;

	if (fstat(fd, &st) ||
	    syscall(__NR_quotactl_fd, fd, QCMD(Q_GETQUOTA, USRQUOTA), st.st_uid, &quota))
		return -1;
	return quota.dqb_curspace;
}

static void add_file(struct sc_state *state, int fd)
{
	struct statfs fs = { 0 };
	struct stat st = { 0 };

	fstatfs(fd, &fs);
	fstat(fd, &st);
	add(state, "file", "blocks", st.st_blocks);
	add(state, "file system", "blocks used", fs.f_blocks - fs.f_bfree);
	add(state, "quota", "bytes used", quota_used(fd));
}

/* The kernel sums up a group's counters when enough has changed: see to that. */
static long op_churn(struct sc_child *child, const long *arg)
{
	char *p = mmap(NULL, CHURN * sc_page(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (p == MAP_FAILED)
		return -1;
	for (i = 0; i < CHURN; i++)
		p[i * sc_page()] = 1;
	return munmap(p, CHURN * sc_page());
}

struct group_sums {
	long long shmem, shmem_thp, anon;
};

static struct group_sums read_group(struct sc_scene *s)
{
	sc_call(&s->m[SC_OWNER], op_churn, 0, 0, 0, 0);
	return (struct group_sums) {
		.shmem = sc_cgroup_stat(s->group, "shmem"),
		.shmem_thp = sc_cgroup_stat(s->group, "shmem_thp"),
		.anon = sc_cgroup_stat(s->group, "anon"),
	};
}

static void add_group(struct sc_state *state, struct sc_scene *s)
{
	struct group_sums was, now = read_group(s);
	char path[200];
	long long swap;
	int tries = 0;

	/*
	 * The kernel also sums up every two seconds. When that fell into a churn, what came after
	 * it was too little for another sum: only a value that is read twice is one.
	 */
	do {
		was = now;
		now = read_group(s);
	} while (memcmp(&was, &now, sizeof(now)) && ++tries < SETTLE_TRIES);
	snprintf(path, sizeof(path), "%s/memory.swap.current", s->group);
	swap = sc_read_number(path);
	add(state, "group", "shmem + swap", now.shmem + swap);
	add(state, "group", "shmem_thp", now.shmem_thp);
	add(state, "group", "anon", now.anon);
	snprintf(path, sizeof(path), "%s/memory.current", s->group);
	state->charged = sc_read_number(path) + swap;
}

void sc_scene_state(struct sc_scene *s, struct sc_state *state)
{
	static const char *const roles[SC_ROLES] = { "owner", "private", "part", "reader", "locker" };
	int role;

	memset(state, 0, sizeof(*state));
	/* Mlocked is counted when the batches of the CPUs are emptied. */
	sc_write_file("/proc/sys/vm/drop_caches", "1");
	add_machine(state);
	add_file(state, s->seg.fd);
	add_group(state, s);
	add_process(state, "writer", getpid(), false);
	for (role = 0; role < SC_ROLES; role++)
		add_process(state, roles[role], s->m[role].pid, true);
}

/* Prints what differs if it is the last try. */
static int compare(struct sc_scene *s, const struct sc_state *before, bool last)
{
	struct sc_state now;
	long long leaked;
	int i, differ = 0;

	sc_scene_state(s, &now);
	for (i = 0; i < before->count; i++) {
		if (before->row[i].value == now.row[i].value)
			continue;
		differ++;
		if (last)
			fprintf(stderr, "# %s: %lld before, %lld after\n", now.row[i].name,
				before->row[i].value, now.row[i].value);
	}
	leaked = now.charged - before->charged;
	if (leaked > BATCHES || leaked < -BATCHES) {
		differ++;
		if (last)
			fprintf(stderr, "# the group is charged %lld bytes more\n", leaked);
	}
	return differ;
}

int sc_scene_differs(struct sc_scene *s, const struct sc_state *before)
{
	int tries;

	for (tries = 0; tries < SETTLE_TRIES; tries++) {
		if (!compare(s, before, false))
			return 0;
		usleep(SETTLE_US);
	}
	return compare(s, before, true);
}

static long long value(const struct sc_state *state, const char *name)
{
	int i;

	for (i = 0; i < state->count; i++)
		if (!strcmp(state->row[i].name, name))
			return state->row[i].value;
	abort();
}

/* What the holes and the huge folio add, by the unit of the row. */
static int succeeded(struct sc_scene *s, const struct sc_state *before, bool last)
{
	const long long holes = sc_scene_holes() * sc_page();
	const struct {
		const char *name;
		long long by;
	} grown[] = {
		{ "machine ShmemHugePages", sc_extent() / 1024 },
		{ "machine Shmem + swap", holes / 1024 },
		{ "machine AnonPages", 0 },
		{ "file blocks", holes / 512 },
		{ "file system blocks used", holes / (long long)sc_page() },
		{ "quota bytes used", holes },
		{ "group shmem + swap", holes },
		{ "group shmem_thp", sc_extent() },
		{ "group anon", 0 },
		{ "private RssAnon", 0 },
	};
	struct sc_state now;
	int differ = 0;
	size_t i;

	sc_scene_state(s, &now);
	for (i = 0; i < ARRAY_SIZE(grown); i++) {
		long long by = value(&now, grown[i].name) - value(before, grown[i].name);

		if (by == grown[i].by)
			continue;
		differ++;
		if (last)
			fprintf(stderr, "# %s grew by %lld instead of %lld\n", grown[i].name, by,
				grown[i].by);
	}
	return differ;
}

int sc_scene_succeeded(struct sc_scene *s, const struct sc_state *before)
{
	int tries;

	for (tries = 0; tries < SETTLE_TRIES; tries++) {
		if (!succeeded(s, before, false))
			return 0;
		usleep(SETTLE_US);
	}
	return succeeded(s, before, true);
}
