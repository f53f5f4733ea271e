// SPDX-License-Identifier: GPL-2.0
/* Memory management of the whole machine. */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define MPOL_MF_MOVE_ALL 4

bool op_reclaim(struct rng *r)
{
	const char *group = one_in(r, 3) ? group_limited : group_free;
	char text[32];
	int err;

	if (!*group_root)
		return false;
	snprintf(text, sizeof(text), "%zu", (1 + below(r, 8)) * sc_extent() / 2);
	err = group_write(group, "memory.reclaim", text);
	/* EAGAIN: not all of it could be reclaimed. */
	return !err || err == EAGAIN;
}

bool op_compact(struct rng *r)
{
	return !sc_write_file("/proc/sys/vm/compact_memory", "1");
}

bool op_drop_caches(struct rng *r)
{
	return !sc_write_file("/proc/sys/vm/drop_caches", one_in(r, 2) ? "1" : "3");
}

/* All of a process from one node to the other, or to where it is. */
bool op_migrate(struct rng *r)
{
	unsigned long from = 1 + below(r, 2), to = 3 - from;
	int worker = any_user(r);

	if (worker < 0)
		return false;
	return syscall(SYS_migrate_pages, world->worker[worker].pid, 8 * sizeof(from), &from,
		       &to) >= 0;
}

/* Some pages of a view, wherever else they are mapped. */
bool op_move_pages(struct rng *r)
{
	enum { MOST = 64 };
	int nodes[MOST], status[MOST], worker = any_user(r), i;
	void *addresses[MOST];
	struct window w;
	size_t at;
	pid_t pid;

	if (worker < 0 || !window_open(worker, below(r, VIEWS), &w, &pid))
		return false;
	at = below(r, w.pages);
	for (i = 0; i < MOST; i++) {
		addresses[i] = (void *)(w.addr + (at + i) % w.pages * sc_page());
		nodes[i] = below(r, 2);
	}
	return syscall(SYS_move_pages, pid, (long)MOST, addresses, nodes, status,
		       MPOL_MF_MOVE_ALL) >= 0;
}

bool op_limit(struct rng *r)
{
	long long now, least = 8 * (long long)sc_extent();
	const char *file = one_in(r, 3) ? "memory.max" : "memory.high";
	char text[32];
	int err;

	if (!*group_root)
		return false;
	now = group_read(group_limited, "memory.current");
	now = now * 3 / 4;
	snprintf(text, sizeof(text), "%lld", now < least ? least : now);
	err = group_write(group_limited, file, text);
	usleep(below(r, 30000));
	group_write(group_limited, file, "max");
	return !err;
}

bool op_remount(struct rng *r)
{
	/* EINVAL: more than that is in use by now. */
	int err = small_fs_resize(small_fs_used() + below(r, 16));

	usleep(below(r, 30000));
	small_fs_resize(SMALL_FS_SIZE);
	return !err;
}

bool op_merging(struct rng *r)
{
	if (access("/sys/kernel/mm/ksm/run", W_OK))
		return false;
	sc_write_file("/sys/kernel/mm/ksm/sleep_millisecs", "200");
	/* 2: take everything apart again. */
	return !sc_write_file("/sys/kernel/mm/ksm/run", one_in(r, 3) ? "2" : "1");
}

/* Files of which pages come in larger pieces, by the kernel's own choice. */
bool op_shmem_policy(struct rng *r)
{
	static const char * const policies[] = { "never", "advise", "within_size", "always" };
	size_t kb = sc_page() / 1024 << (2 + below(r, 4));
	int err;

	err = sc_mthp(kb, policies[below(r, 4)]);
	err = err ?: sc_switch(SC_THP "/shmem_enabled", policies[below(r, 4)]);
	usleep(below(r, 100000));
	sc_restore_switches();
	return !err;
}

/* Reads back all that is swapped out. */
bool op_swapoff(struct rng *r)
{
	if (swapoff("/dev/zram0"))
		return false;
	usleep(below(r, 10000));
	if (swapon("/dev/zram0", 0))
		complain("swap cannot be used again: %s", strerror(errno));
	return true;
}

/* Walks of page tables by readers of /proc. */
bool op_watch(struct rng *r)
{
	const char *const names[] = { "smaps", "smaps_rollup", "numa_maps", "maps" };
	static char text[1 << 18];
	int worker = any_user(r);
	char path[64];

	if (worker < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/%s", world->worker[worker].pid,
		 names[below(r, 4)]);
	return !sc_read_file(path, text, sizeof(text));
}

/* Accessed bits, or soft-dirty ones. */
bool op_clear_refs(struct rng *r)
{
	int worker = any_user(r);
	char path[64];

	if (worker < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", world->worker[worker].pid);
	return !sc_write_file(path, one_in(r, 2) ? "1" : "4");
}

bool advise_other(struct rng *r, int advice)
{
	int worker = any_user(r), fd;
	struct iovec range;
	struct window w;
	bool done;
	pid_t pid;

	if (worker < 0 || !window_open(worker, below(r, VIEWS), &w, &pid))
		return false;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return false;
	range.iov_base = (void *)w.addr;
	range.iov_len = w.pages * sc_page();
	done = process_madvise(fd, &range, 1, advice, 0) > 0;
	close(fd);
	return done;
}

bool op_advise_other(struct rng *r)
{
	const int kinds[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE };

	return advise_other(r, kinds[below(r, 4)]);
}
