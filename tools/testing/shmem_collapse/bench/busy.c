// SPDX-License-Identifier: GPL-2.0
/*
 * Beside compaction, which is what an administrator is told to run before: extents that are left
 * small, and what the other processes pay on their first touch when it is over.
 */
#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct busy {
	long small[ENGINES], tried[ENGINES];
	long faults[ENGINES], touched[ENGINES];
};

static pid_t start_compaction(void)
{
	pid_t pid = sc_fork();

	if (!pid) {
		stay_on(1);
		while (!sc_write_file("/proc/sys/vm/compact_memory", "1"))
			;
		_exit(1);
	}
	return pid;
}

static void one_round(struct arena *a, enum engine who, bool counts, void *data)
{
	pid_t compaction = start_compaction();
	struct busy *b = data;
	int i;

	usleep(20000);
	collapse(a, who);
	if (compaction < 0 || waitpid(compaction, NULL, WNOHANG))
		fail(0, "memory cannot be compacted");
	kill(compaction, SIGKILL);
	waitpid(compaction, NULL, 0);
	if (!counts)
		return;
	b->small[who] += arena_small(a);
	b->tried[who] += a->nr;
	for (i = 1; i < a->mappers; i++)
		b->faults[who] += arena_touch(a, i);
	b->touched[who] += a->nr * (a->mappers - 1);
}

void bench_busy(const struct plan *plan)
{
	const int *n;
	int who;

	for (n = plan->mappers; *n; n++) {
		struct busy *b = calloc(1, sizeof(*b));
		struct arena *a = arena_make(*n, plan->extents, shares());

		say("beside compaction, %d mappers", *n);
		alternate(a, RESTED, 1, half_the_rounds(plan), one_round, b);
		arena_check(a);
		for (who = 0; who < ENGINES; who++) {
			if (!have(who))
				continue;
			result(who, *n, "busy_failed_extents", "%",
			       100.0 * b->small[who] / b->tried[who], half_the_rounds(plan));
			if (b->touched[who])
				result(who, *n, "busy_retouch_faults", "1/extent",
				       (double)b->faults[who] / b->touched[who],
				       half_the_rounds(plan));
		}
		arena_drop(a);
		free(b);
	}
}
