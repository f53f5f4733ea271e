// SPDX-License-Identifier: GPL-2.0
/* Samples and what is printed: "csv KERNEL,ENGINE,..." for scripts/bench.sh, "progress ...". */
#include "bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

const char * const engine_name[ENGINES] = { "madvise", "shmem_collapse" };

void sample(struct samples *s, double value)
{
	if (s->count < MAX_SAMPLES)
		s->value[s->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double quantile(const struct samples *s, double share)
{
	static double sorted[MAX_SAMPLES];
	int below, count = 0, i;
	double at;

	for (i = 0; i < s->count; i++)
		if (!isnan(s->value[i]))
			sorted[count++] = s->value[i];
	if (!count)
		return NAN;
	qsort(sorted, count, sizeof(sorted[0]), compare);
	at = share * (count - 1);
	below = at;
	if (below + 1 == count)
		return sorted[below];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

double sum(const struct samples *s)
{
	double all = 0;
	int i;

	for (i = 0; i < s->count; i++)
		all += s->value[i];
	return all;
}

void result(enum engine who, int mappers, const char *metric, const char *unit, double value,
	    int rounds)
{
	struct utsname name;

	if (isnan(value) || uname(&name))
		return;
	printf("csv %s,%s,%d,%s,%s,%.9g,%d\n", name.release, engine_name[who], mappers, metric,
	       unit, value, rounds);
}

/* As QEMU's -icount shift=1 has it. */
#define NS_PER_INSTRUCTION	2

static bool instructions;

void count_instructions(void)
{
	instructions = true;
}

bool counts_instructions(void)
{
	return instructions;
}

void result_time(enum engine who, int mappers, const char *metric, const struct samples *ns)
{
	double median = quantile(ns, 0.5);
	char name[80];

	snprintf(name, sizeof(name), "%s_%s", metric, instructions ? "instructions" : "time");
	if (instructions)
		result(who, mappers, name, "instructions", median / NS_PER_INSTRUCTION, ns->count);
	else
		result(who, mappers, name, "us", median / 1e3, ns->count);
}

void result_ratio(int mappers, const char *metric, const struct samples *over,
		  const struct samples *under)
{
	static struct samples ratio;
	char name[80];
	int i;

	if (instructions || over->count != under->count)
		return;
	ratio.count = 0;
	for (i = 0; i < over->count; i++)
		sample(&ratio, over->value[i] / under->value[i]);
	snprintf(name, sizeof(name), "%s_ratio", metric);
	result(OURS, mappers, name, "x", quantile(&ratio, 0.5), ratio.count);
}

void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("progress ", stdout);
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
}

void fail(int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("bench: ");
	vprintf(format, ap);
	printf("%s%s\n", err ? ": " : "", err ? strerror(err) : "");
	va_end(ap);
	exit(1);
}
