// SPDX-License-Identifier: GPL-2.0
/* Keeps the workers alive and kills some; judges what is left when they have ended. */
#include "stress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_US		50000
/* An emulated machine with all checks is slow. */
#define END_SECONDS	240

static pid_t pids[WORKERS];
static bool killed[WORKERS];
static uint64_t deaths, kills, ooms;
static char buf[65536];

static void start(int number)
{
	killed[number] = false;
	pids[number] = sc_fork();
	if (pids[number] < 0) {
		complain("no process for worker %d: %s", number, strerror(errno));
		pids[number] = 0;
	} else if (!pids[number]) {
		worker_run(number);
	}
}

/* Only one process can be truncating a file: it has the last page. */
static void restore_sizes(int number)
{
	int i;

	for (i = 0; i < FILES; i++)
		if (files[i].fd >= 0 && page_is_owned(&files[i], file_pages() - 1, number) &&
		    ftruncate(files[i].fd, file_pages() * sc_page()))
			complain("file %d cannot be as long as before", i);
}

static void bury(pid_t pid, int status)
{
	int i;

	for (i = 0; i < WORKERS && pids[i] != pid; i++)
		;
	if (i == WORKERS)
		return;
	pids[i] = 0;
	__atomic_store_n(&world->worker[i].pid, 0, __ATOMIC_SEQ_CST);
	restore_sizes(i);
	pages_abandoned_by(i);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && (killed[i] || is_limited(i))) {
		ooms += !killed[i];
	} else if (!WIFEXITED(status) || (WEXITSTATUS(status) != REBORN && WEXITSTATUS(status))) {
		deaths++;
		printf("# worker %d died in step %llu: status %#x\n", i,
		       (unsigned long long)world->worker[i].step, status);
	}
	if (!world->stop)
		start(i);
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(pid, status);
}

/* At any moment of whatever it does. */
static void kill_one(struct rng *r)
{
	int i = below(r, USERS + COLLAPSERS);

	if (!pids[i])
		return;
	killed[i] = true;
	kills++;
	kill(pids[i], SIGKILL);
}

static void run_workers(void)
{
	struct rng r = { world->seed };
	uint64_t begin = sc_now_ns(), now;
	int i, minute = 0;

	for (i = 0; i < WORKERS; i++)
		start(i);
	while ((now = sc_now_ns()) - begin < (uint64_t)(world->seconds * 1e9)) {
		usleep(TICK_US);
		reap();
		if (one_in(&r, 40))
			kill_one(&r);
		background_step(&r);
		if ((now - begin) / 60000000000ull > minute)
			figures_minute(++minute);
	}
	background_end();
}

static bool end_workers(void)
{
	uint64_t begin = sc_now_ns();
	int i, left;

	__atomic_store_n(&world->stop, true, __ATOMIC_SEQ_CST);
	do {
		usleep(TICK_US);
		reap();
		for (i = left = 0; i < WORKERS; i++)
			left += pids[i] > 0;
	} while (left && sc_now_ns() - begin < END_SECONDS * 1000000000ull);
	for (i = 0; i < WORKERS; i++) {
		if (!pids[i])
			continue;
		printf("# worker %d hangs in step %llu\n", i,
		       (unsigned long long)world->worker[i].step);
		kill(pids[i], SIGKILL);
	}
	return !left;
}

/* --- what is left --------------------------------------------------------------------------- */

static bool is_right(struct file *f, size_t index)
{
	uint64_t state = page_state(f, index);

	if (state_content(state) == UNKNOWN)
		return true;
	if (copy_trapped(buf, f->seg.addr + index * sc_page(), sc_page()) ||
	    page_judge(f, index, state, buf, "mapping at the end") != RIGHT)
		return false;
	return f->fd < 0 ||
	       (pread(f->fd, buf, sc_page(), index * sc_page()) == (ssize_t)sc_page() &&
		page_judge(f, index, state, buf, "read at the end") == RIGHT);
}

static bool content_is_right(void)
{
	bool right = true;
	size_t index;
	int i;

	for (i = 0; i < FILES; i++)
		for (index = 0; index < file_pages(); index++)
			right &= is_right(&files[i], index);
	return right;
}

static bool fill(struct file *f)
{
	bool filled = true;
	size_t index;

	for (index = 0; index < file_pages(); index++) {
		filled &= page_lock(f, index);
		page_next(f, index, buf);
		filled &= !copy_trapped(f->seg.addr + index * sc_page(), buf, sc_page());
		page_unlock(f, index, DATA);
	}
	return filled;
}

/* Nothing may be left that keeps an extent from becoming huge. */
static bool collapses(struct file *f, size_t extent)
{
	int tries, err;

	for (tries = 0; tries < 400; tries++) {
		err = ask("%s,%zu,%zu", f->path, extent * sc_nr(), (extent + 1) * sc_nr());
		if (err != EAGAIN)
			break;
		usleep(10000);
	}
	if (err)
		printf("# extent %zu of file %d stays small at the end: %s\n", extent, f->id,
		       strerror(err));
	return !err;
}

static bool all_collapse(void)
{
	bool all = !sc_defaults() && !sc_knob_set_number("direct_reclaim", 1);
	size_t extent;
	int i;

	for (i = 0; i < FILES; i++) {
		if (!fill(&files[i])) {
			printf("# file %d cannot be filled at the end\n", i);
			all = false;
		}
		for (extent = 0; extent < EXTENTS; extent++)
			all &= collapses(&files[i], extent);
	}
	return all;
}

static bool group_is_empty(const char *group)
{
	static const char *const fields[] = {
		"anon", "shmem", "shmem_thp", "file_mapped", "swapcached", "pagetables",
	};
	bool empty = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		long long n = sc_cgroup_settles(group, fields[i], 0);

		if (n)
			printf("# %s: %s is %lld at the end\n", group, fields[i], n);
		empty &= n <= 0;
	}
	return empty && group_read(group, "memory.swap.current") <= 0;
}

static void clean_up(void)
{
	char path[64];
	int i;

	files_destroy();
	for (i = 0; i < WORKERS; i++) {
		snprintf(path, sizeof(path), "/dev/shm/stress-own-%d", i);
		unlink(path);
	}
	if (*group_root)
		world->passed[GROUPS_EMPTY] = group_is_empty(group_free) &&
					      group_is_empty(group_limited);
	groups_destroy();
}

/* --- a device for direct I/O ---------------------------------------------------------------- */

static void zram_add(void)
{
	char path[64];

	world->zram = sc_read_number("/sys/class/zram-control/hot_add");
	if (world->zram < 0)
		return;
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", world->zram);
	if (sc_write_file(path, "64M"))
		world->zram = -1;
}

static void zram_remove(void)
{
	char path[64], number[16];

	if (world->zram < 0)
		return;
	snprintf(path, sizeof(path), "/sys/block/zram%d/reset", world->zram);
	sc_write_file(path, "1");
	snprintf(number, sizeof(number), "%d", world->zram);
	sc_write_file("/sys/class/zram-control/hot_remove", number);
}

void supervise(void)
{
	int i;

	me = WORKERS;
	world->supervisor = getpid();
	trap_init();
	zram_add();
	if (groups_create())
		printf("# no control groups: nothing is reclaimed or limited\n");
	if (files_create())
		exit(1);
	for (i = 0; i < FILES; i++)
		if (!files[i].may_lack_room && !fill(&files[i]))
			exit(1);
	figures_begin();
	run_workers();
	world->passed[WORKERS_ENDED] = end_workers();
	world->passed[ENOUGH] = figures_collapsed() >= world->least;
	sc_write_file("/sys/kernel/mm/ksm/run", "2");
	if (*group_root) {
		group_write(group_limited, "memory.max", "max");
		group_write(group_limited, "memory.high", "max");
	}
	/* Room for every hole that is looked at. */
	world->passed[FINAL_CONTENT] = !small_fs_resize(2 * file_pages()) && content_is_right();
	world->passed[FINAL_COLLAPSE] = all_collapse() && content_is_right();
	world->passed[STATISTICS] = figures_add_up();
	world->passed[WORKERS_LIVED] = !deaths;
	world->passed[CONTENT] = !world->wrong;
	world->passed[ANSWERS] = !world->bad_answers;
	figures_end();
	printf("# %llu workers killed on purpose, %llu by a limit of memory\n",
	       (unsigned long long)kills, (unsigned long long)ooms);
	clean_up();
	zram_remove();
	exit(0);
}
