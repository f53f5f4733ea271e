// SPDX-License-Identifier: GPL-2.0
/* The operations, and the processes that do them. */
#include "stress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* How often the roles do what: user, collapser, manager. */
const struct op ops[] = {
	{ "check through a mapping",	op_check,		{ 60, 4, 0 } },
	{ "check by read()",		op_check_file,		{ 10, 4, 0 } },
	{ "check in another process",	op_check_other,		{ 8, 0, 0 } },
	{ "check by splice()",		op_check_splice,	{ 4, 0, 0 } },
	{ "write through a mapping",	op_write,		{ 60, 0, 0 } },
	{ "write by write()",		op_write_file,		{ 20, 0, 0 } },
	{ "punch a hole",		op_punch,		{ 12, 0, 0 } },
	{ "truncate",			op_truncate,		{ 4, 0, 0 } },
	{ "fallocate",			op_fallocate,		{ 4, 0, 0 } },
	{ "seal a memfd",		op_sealed,		{ 3, 0, 0 } },
	{ "unlink a file in use",	op_unlinked,		{ 3, 0, 0 } },
	{ "map anew",			op_map,			{ 12, 0, 0 } },
	{ "mremap to another place",	op_move,		{ 10, 0, 0 } },
	{ "mremap to another size",	op_resize,		{ 4, 0, 0 } },
	{ "unmap in the middle",	op_pierce,		{ 6, 0, 0 } },
	{ "mprotect",			op_protect,		{ 10, 0, 0 } },
	{ "mlock",			op_lock,		{ 6, 0, 0 } },
	{ "write a private copy",	op_private_write,	{ 16, 0, 0 } },
	{ "write as a debugger",	op_ptraced_write,	{ 6, 0, 0 } },
	{ "madvise",			op_advise,		{ 20, 0, 0 } },
	{ "MADV_DONTNEED",		op_drop,		{ 10, 0, 0 } },
	{ "guard regions",		op_guard,		{ 6, 0, 0 } },
	{ "MADV_MERGEABLE",		op_mergeable,		{ 3, 0, 0 } },
	{ "MADV_COLLAPSE",		op_kernel_collapse,	{ 3, 2, 0 } },
	{ "scan pagemap",		op_pagemap,		{ 4, 0, 0 } },
	{ "fork",			op_fork,		{ 8, 0, 0 } },
	{ "fork and exec",		op_exec,		{ 2, 0, 0 } },
	{ "exit",			op_exit,		{ 1, 0, 0 } },
	{ "vmsplice",			op_vmsplice,		{ 4, 0, 0 } },
	{ "O_DIRECT",			op_direct_io,		{ 6, 0, 0 } },
	{ "io_uring buffers",		op_io_uring,		{ 4, 0, 0 } },
	{ "long-term pins",		op_longterm_pin,	{ 4, 0, 0 } },
	{ "userfaultfd missing",	op_uffd_missing,	{ 4, 0, 0 } },
	{ "userfaultfd wp",		op_uffd_wp,		{ 4, 0, 0 } },
	{ "userfaultfd minor",		op_uffd_minor,		{ 4, 0, 0 } },
	{ "userfaultfd rwp",		op_uffd_rwp,		{ 4, 0, 0 } },
	{ "UFFDIO_COPY",		op_uffd_copy,		{ 4, 0, 0 } },
	{ "UFFDIO_POISON",		op_uffd_poison,		{ 2, 0, 0 } },
	{ "memory.reclaim",		op_reclaim,		{ 0, 0, 20 } },
	{ "compact memory",		op_compact,		{ 0, 0, 3 } },
	{ "drop caches",		op_drop_caches,		{ 0, 0, 1 } },
	{ "migrate_pages",		op_migrate,		{ 0, 0, 10 } },
	{ "move_pages",			op_move_pages,		{ 0, 0, 10 } },
	{ "limit a control group",	op_limit,		{ 0, 0, 6 } },
	{ "remount smaller",		op_remount,		{ 0, 0, 6 } },
	{ "switch KSM",			op_merging,		{ 0, 0, 2 } },
	{ "switch huge pages of shmem",	op_shmem_policy,	{ 0, 0, 4 } },
	{ "swapoff",			op_swapoff,		{ 0, 0, 1 } },
	{ "read /proc of another",	op_watch,		{ 0, 0, 8 } },
	{ "clear_refs",			op_clear_refs,		{ 0, 0, 6 } },
	{ "process_madvise",		op_advise_other,	{ 0, 0, 10 } },
	{ "collapse a file",		op_collapse_file,	{ 0, 30, 0 } },
	{ "collapse an extent",		op_collapse_extent,	{ 0, 40, 0 } },
	{ "collapse a range",		op_collapse_range,	{ 0, 30, 0 } },
	{ "collapse a process",		op_collapse_process,	{ 0, 4, 0 } },
	{ "collapse, split, collapse",	op_collapse_split,	{ 0, 20, 0 } },
	{ "reap empty tables",		op_reap,		{ 0, 20, 0 } },
	{ "look at page tables",	op_tables,		{ 0, 4, 4 } },
	{ "split",			op_split,		{ 0, 20, 6 } },
	{ "set a knob",			op_knobs,		{ 0, 12, 0 } },
};

const int nr_ops = ARRAY_SIZE(ops);

struct world *world;
int me = -1;

uint64_t count(uint64_t *counter, uint64_t by)
{
	return __atomic_fetch_add(counter, by, __ATOMIC_SEQ_CST);
}

#define COMPLAINTS 40

void complain(const char *format, ...)
{
	char text[512];
	va_list ap;

	if (count(&world->wrong, 1) >= COMPLAINTS)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fprintf(stderr, "# WRONG: worker %d, step %llu: %s\n", me,
		me < 0 ? 0 : (unsigned long long)world->worker[me].step, text);
}

enum role role_of(int worker)
{
	return worker < USERS ? USER : worker < USERS + COLLAPSERS ? COLLAPSER : MANAGER;
}

int any_user(struct rng *r)
{
	int from = below(r, USERS), i;

	for (i = 0; i < USERS; i++)
		if (world->worker[(from + i) % USERS].pid > 0)
			return (from + i) % USERS;
	return -1;
}

/* The operations that do nothing else than one kind of request. */
static const struct {
	const char *kind;
	bool (*run)(struct rng *r);
} requests[] = {
	{ "file", op_collapse_file },
	{ "extent", op_collapse_extent },
	{ "extent", op_collapse_split },
	{ "range", op_collapse_range },
	{ "process", op_collapse_process },
};

bool requests_choose(const char *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		if (!strcmp(requests[i].kind, kind))
			world->requests = requests[i].kind;
	return world->requests;
}

static int weight(const struct op *op, enum role role)
{
	size_t i;

	for (i = 0; world->requests && i < ARRAY_SIZE(requests); i++)
		if (op->run == requests[i].run && strcmp(requests[i].kind, world->requests))
			return 0;
	return op->weight[role];
}

static int draw(struct rng *r, enum role role)
{
	int sum = 0, i, at;

	for (i = 0; i < nr_ops; i++)
		sum += weight(&ops[i], role);
	at = below(r, sum);
	for (i = 0; at >= weight(&ops[i], role); i++)
		at -= weight(&ops[i], role);
	return i;
}

/* The others shall get on as well: collapses are what all this is for. */
static void pause_between(struct rng *r, enum role role)
{
	const int most[ROLES] = { [USER] = 1500000, [COLLAPSER] = 500, [MANAGER] = 800000 };

	usleep(below(r, most[role]));
}

static void one_step(enum role role)
{
	uint64_t step = count(&world->worker[me].step, 1);
	struct rng r = rng_of_step(world->seed, me, step);
	int i;

	i = draw(&r, role);
	world->worker[me].op = i;
	count(&world->op[i].tried, 1);
	if (ops[i].run(&r))
		count(&world->op[i].done, 1);
	if (role == USER)
		rss_check(i, step);
	pause_between(&r, role);
}

void worker_run(int number)
{
	struct rng r = { world->seed + number };
	int v;

	me = number;
	for (v = 0; v < VIEWS; v++)
		world->worker[me].window[v].seq |= 1;
	if (*group_root) {
		sc_cgroup_enter(is_limited(me) ? group_limited : group_free, 0);
		if (is_limited(me))
			sc_write_file("/proc/self/oom_score_adj", "500");
	}
	trap_init();
	signal(SIGPIPE, SIG_IGN);
	if (role_of(me) == USER) {
		if (nice(10) < 0)
			exit(1);
		for (v = 0; v < VIEWS; v++)
			view_map(v, &r);
	}
	__atomic_store_n(&world->worker[me].pid, getpid(), __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&world->stop, __ATOMIC_SEQ_CST))
		one_step(role_of(me));
	exit(0);
}
