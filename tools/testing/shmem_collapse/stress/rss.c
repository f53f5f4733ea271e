// SPDX-License-Identifier: GPL-2.0
/*
 * What a process's counters say it has mapped, compared with what its page tables map. Entries
 * that are lost with all their counts would be noticed when the process exits and the file goes,
 * which is too late to tell what happened.
 */
#include "stress.h"

#include <stdio.h>
#include <unistd.h>

#define EVERY	4	/* operations */
#define TRAIL	32	/* operations that a complaint names */
#define SLACK	8	/* pages: the program's own come and go */
#define SAME	4	/* times that the difference must be seen */
#define TRIES	40

/* In pages. Others change the mappings meanwhile: false if they did. */
static bool difference(long long *by)
{
	long long rss = sc_status(getpid(), "VmRSS");
	long long tables = sc_smaps_rollup(getpid(), "Rss");

	*by = (rss - tables) / (long long)sc_page();
	return rss >= 0 && tables >= 0 && rss == sc_status(getpid(), "VmRSS");
}

static bool differs(long long *by)
{
	long long last = 0, now;
	int same = 0, i;

	for (i = 0; i < TRIES && same < SAME; i++) {
		if (i)
			usleep(20000);
		if (!difference(&now))
			continue;
		if (now >= -SLACK && now <= SLACK)
			return false;
		same = now == last ? same + 1 : 1;
		last = now;
	}
	*by = last;
	return same == SAME;
}

static void print_views(void)
{
	int v;

	for (v = 0; v < VIEWS; v++)
		if (views[v].addr)
			fprintf(stderr, "#   view %d: %p, file %d, pages %#zx to %#zx%s\n", v,
				views[v].addr, views[v].file->id, views[v].first,
				views[v].first + views[v].pages - 1,
				views[v].private ? ", private" : "");
}

void rss_check(int op, uint64_t step)
{
	static int trail[TRAIL];
	static uint64_t known;
	static bool told;
	long long by;
	uint64_t i;

	trail[known++ % TRAIL] = op;
	if (told || step % EVERY || !differs(&by))
		return;
	told = true;
	complain("the RSS of process %d is %lld pages too high", getpid(), by);
	for (i = known > TRAIL ? known - TRAIL : 0; i < known; i++)
		fprintf(stderr, "#   %s\n", ops[trail[i % TRAIL]].name);
	print_views();
}
