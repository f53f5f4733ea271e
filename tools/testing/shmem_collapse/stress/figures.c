// SPDX-License-Identifier: GPL-2.0
/* What was done, every minute and at the end. */
#include "stress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct sc_stats at_first, last;
/* Of modules that were removed. */
static unsigned long long carried;

void figures_begin(void)
{
	sc_stats(&at_first);
	last = at_first;
}

static unsigned long long since(const struct sc_stats *before, const struct sc_stats *now,
				const char *name)
{
	return sc_stat(now, name) - sc_stat(before, name);
}

unsigned long long figures_collapsed(void)
{
	struct sc_stats now;

	return carried + (sc_stats(&now) ? 0 : since(&at_first, &now, "collapsed"));
}

void figures_module_goes(void)
{
	carried = figures_collapsed();
	/* What is counted until it has gone is not known. */
	memset(&at_first, 0, sizeof(at_first));
}

void figures_module_came(void)
{
	figures_begin();
}

/* Nothing runs any more. */
bool figures_add_up(void)
{
	struct sc_stats now;

	return !sc_stats(&now) &&
	       sc_stat(&now, "extents") == sc_stat(&now, "collapsed") +
					   sc_stat(&now, "already_huge") + sc_stat(&now, "failed") &&
	       sc_stat(&now, "failed") == sc_failed_sum(&now);
}

static unsigned long long operations(void)
{
	unsigned long long sum = 0;
	int i;

	for (i = 0; i < nr_ops; i++)
		sum += world->op[i].tried;
	return sum;
}

static void print_outcomes(const struct sc_stats *before, const struct sc_stats *now)
{
	int i;

	for (i = 0; i < now->count; i++) {
		const char *name = now->stat[i].name;
		unsigned long long by = since(before, now, name);

		if (by && !strncmp(name, "failed_", 7))
			printf(" %s %llu", name + 7, by);
	}
}

void figures_minute(int minute)
{
	struct sc_stats now;

	if (sc_stats(&now))
		return;
	printf("# minute %d: %llu extents collapsed, %llu had been huge, %llu not:", minute,
	       since(&last, &now, "collapsed"), since(&last, &now, "already_huge"),
	       since(&last, &now, "failed"));
	print_outcomes(&last, &now);
	printf("; in all %llu collapsed, %llu operations, %llu pages checked, %llu wrong\n",
	       figures_collapsed(), operations(),
	       (unsigned long long)world->pages_checked, (unsigned long long)world->wrong);
	last = now;
}

static void print_answers(void)
{
	int i;

	printf("# requests by answer:");
	for (i = 0; i < 256; i++)
		if (world->answers[i])
			printf(" %s %llu,", i ? strerrorname_np(i) : "success",
			       (unsigned long long)world->answers[i]);
	printf("\n");
}

void figures_end(void)
{
	struct sc_stats now;
	int i;

	if (sc_stats(&now))
		return;
	for (i = 0; i < nr_ops; i++)
		printf("# %-32s %8llu, of these %8llu could be done\n", ops[i].name,
		       (unsigned long long)world->op[i].tried,
		       (unsigned long long)world->op[i].done);
	for (i = 0; i < now.count; i++)
		if (since(&at_first, &now, now.stat[i].name))
			printf("# %-32s %12llu\n", now.stat[i].name,
			       since(&at_first, &now, now.stat[i].name));
	print_answers();
	printf("# pages: %llu checked, %llu written, %llu changed while they were read\n",
	       (unsigned long long)world->pages_checked, (unsigned long long)world->pages_written,
	       (unsigned long long)world->pages_unclear);
	printf("# %llu operations, %llu extents collapsed in %.0f s, %llu mistakes, seed %llu\n",
	       operations(), figures_collapsed(), world->seconds,
	       (unsigned long long)world->wrong, (unsigned long long)world->seed);
}
