// SPDX-License-Identifier: GPL-2.0
/* Requests, by every name; the opposite; and knobs that change meanwhile. */
#include "stress.h"
#include "tables.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SPLIT_FILE "/sys/kernel/debug/split_huge_pages"

/* Answers of a file whose module goes at this moment. */
static bool may_be_gone(int err)
{
	return err == ENOENT || err == ENODEV || err == EINTR;
}

/* EINVAL is for mappings whose addresses do not suit the file, EINTR for a module that goes. */
static bool is_documented(int err)
{
	static const int known[] = {
		0, EAGAIN, EBUSY, EINVAL, ENODATA, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP, ESRCH,
	};
	size_t i;

	if (background_reloads() && may_be_gone(err))
		return true;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (err == known[i])
			return true;
	return false;
}

int ask(const char *format, ...)
{
	char request[256];
	va_list ap;
	int err;

	va_start(ap, format);
	vsnprintf(request, sizeof(request), format, ap);
	va_end(ap);
	err = sc_collapsef("%s", request);
	count(&world->answers[err & 0xff], 1);
	if (!is_documented(err) && !count(&world->bad_answers, 1))
		printf("# \"%s\" was answered by %s\n", request, strerror(err));
	return err;
}

int split_file(const struct file *f, size_t extent, int order)
{
	char request[200];

	snprintf(request, sizeof(request), "%s,0x%zx,0x%zx,%d", f->path, extent * sc_nr(),
		 (extent + 1) * sc_nr(), order);
	return sc_write_file(SPLIT_FILE, request);
}

/* Folios that large are left; small pages most of the time. */
static int some_order(struct rng *r)
{
	return one_in(r, 3) ? below(r, 9) : 0;
}

static int ask_extent(const struct file *f, size_t extent)
{
	return ask("%s,%zu,%zu", f->path, extent * sc_nr(), (extent + 1) * sc_nr());
}

/* Requests meet at an extent now and then; if they did all the time, most would do nothing. */
static struct file *some_file(struct rng *r)
{
	size_t share = FILES / COLLAPSERS;

	if (role_of(me) != COLLAPSER || one_in(r, 4))
		return &files[below(r, FILES)];
	return &files[(me - USERS) * share + below(r, share)];
}

/* Most requests shall find something to do. */
static void make_small(const struct file *f, struct rng *r)
{
	size_t i;

	for (i = 0; !one_in(r, 6) && i < EXTENTS; i++)
		split_file(f, i, some_order(r));
}

bool op_collapse_file(struct rng *r)
{
	struct file *f = some_file(r);

	make_small(f, r);
	return !ask("%s", f->path);
}

bool op_collapse_extent(struct rng *r)
{
	struct file *f = some_file(r);
	size_t extent = below(r, EXTENTS);

	if (!one_in(r, 6))
		split_file(f, extent, some_order(r));
	return !ask_extent(f, extent);
}

bool op_collapse_range(struct rng *r)
{
	int worker = any_user(r);
	struct window w;
	pid_t pid;

	/* Whether it is still there is for the module to find out. */
	if (worker < 0 || !window_open(worker, below(r, VIEWS), &w, &pid))
		return false;
	make_small(&files[w.file], r);
	return !ask("%d,0x%llx,0x%llx", pid, (unsigned long long)w.addr,
		    (unsigned long long)w.addr + w.pages * sc_page());
}

bool op_collapse_process(struct rng *r)
{
	int worker = any_user(r);

	if (worker < 0)
		return false;
	return !ask("%d", world->worker[worker].pid);
}

bool op_collapse_split(struct rng *r)
{
	struct file *f = some_file(r);
	size_t extent = below(r, EXTENTS);
	int turns, huge = 0;

	for (turns = 0; turns < 4; turns++) {
		split_file(f, extent, some_order(r));
		huge += !ask_extent(f, extent);
	}
	return huge == turns;
}

bool op_reap(struct rng *r)
{
	int worker = any_user(r), err;
	struct window w;
	pid_t pid;

	switch (worker < 0 ? 0 : below(r, 4)) {
	case 0:
	case 1:
		err = sc_reapf("%s", some_file(r)->path);
		break;
	case 2:
		if (!window_open(worker, below(r, VIEWS), &w, &pid))
			return false;
		err = sc_reapf("%d,0x%llx,0x%llx", pid, (unsigned long long)w.addr,
			       (unsigned long long)w.addr + w.pages * sc_page());
		break;
	default:
		err = sc_reapf("%d", world->worker[worker].pid);
	}
	/* ENOENT for a module or a process that goes, EINTR for a request that is cut short. */
	if (err && err != ESRCH && err != ENOENT && err != EINTR &&
	    !count(&world->bad_answers, 1))
		printf("# a request to free tables was answered by %s\n", strerror(err));
	return !err;
}

/* What is told of somebody who runs cannot be checked; that it is told at all can. */
bool op_tables(struct rng *r)
{
	int worker = any_user(r);
	const char *answer;

	if (worker < 0)
		return false;
	answer = sc_tables(world->worker[worker].pid, NULL, 0);
	return answer && sc_figure_total(answer, "mappings") > 0;
}

bool op_split(struct rng *r)
{
	int worker = any_user(r);
	char request[96];
	struct window w;
	pid_t pid;

	if (one_in(r, 2))
		return !split_file(&files[below(r, FILES)], below(r, EXTENTS), some_order(r));
	if (worker < 0 || !window_open(worker, below(r, VIEWS), &w, &pid))
		return false;
	snprintf(request, sizeof(request), "%d,0x%llx,0x%llx,%d", pid,
		 (unsigned long long)w.addr, (unsigned long long)w.addr + w.pages * sc_page(),
		 some_order(r));
	return !sc_write_file(SPLIT_FILE, request);
}

/* Most of the time as they are by default, or few extents would be collapsed. */
bool op_knobs(struct rng *r)
{
	long long nr = sc_nr(), cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int err = 0;

	switch (below(r, 8)) {
	case 0:
		err = sc_knob_set_number("max_ptes_none", below(r, nr));
		break;
	case 1:
		err = sc_knob_set_number("max_ptes_swap", below(r, nr + 1));
		break;
	case 2:
		err = sc_knob_set_number("map_all", 0);
		break;
	case 3:
		err = sc_knob_set_number("direct_reclaim", 1);
		break;
	case 4:
	case 5:
		err = sc_knob_set_number("workers", 1 + below(r, cpus));
		break;
	case 6:
		/* EINVAL without that node. */
		err = sc_knob_set_number("target_node", below(r, 2));
		err = err == EINVAL ? 0 : err;
		break;
	}
	usleep(below(r, 20000));
	err = err ?: sc_knob_set_number("max_ptes_none", nr - 1);
	err = err ?: sc_knob_set_number("max_ptes_swap", nr);
	err = err ?: sc_knob_set_number("map_all", 1);
	err = err ?: sc_knob_set_number("direct_reclaim", 0);
	err = err ?: sc_knob_set_number("target_node", -1);
	err = err ?: sc_knob_set_number("patience_ms", 200);
	if (err && !(background_reloads() && may_be_gone(err)))
		complain("a knob was answered by %s", strerror(err));
	return !err;
}
