// SPDX-License-Identifier: GPL-2.0
/* bench [-i] [-r ROUNDS] [-e EXTENTS] [-m MAPPERS,...] GROUP... */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
	const char *name;
	void (*run)(const struct plan *plan);
} groups[] = {
	{ "times", bench_times },
	{ "access", bench_access },
	{ "elsewhere", bench_elsewhere },
	{ "busy", bench_busy },
	{ "events", bench_events },
	{ "memory", bench_memory },
	{ "hopeless", bench_hopeless },
	{ "steps", bench_steps },
	{ "kept", bench_kept },
	{ "functions", bench_functions },
	{ "workers", bench_workers },
};

static int mappers[16] = { 1, 8, 32 };

static void parse_mappers(char *list)
{
	char *word;
	int n = 0;

	for (word = strtok(list, ","); word && n < 15; word = strtok(NULL, ",")) {
		mappers[n] = atoi(word);
		if (mappers[n] < 1 || mappers[n] > MAX_MAPPERS)
			fail(EINVAL, "mappers %s", word);
		n++;
	}
	mappers[n] = 0;
}

/* Each process has a socket. */
static void allow_descriptors(void)
{
	struct rlimit most = { .rlim_cur = 2 * MAX_MAPPERS, .rlim_max = 2 * MAX_MAPPERS };

	setrlimit(RLIMIT_NOFILE, &most);
}

static void run(const char *name, const struct plan *plan)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		if (!strcmp(name, groups[i].name)) {
			groups[i].run(plan);
			return;
		}
	fail(EINVAL, "there is no group '%s'", name);
}

int main(int argc, char **argv)
{
	struct plan plan = { .rounds = 9, .extents = 16, .mappers = mappers };
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "ir:e:m:")) != -1) {
		if (option == 'i')
			count_instructions();
		else if (option == 'r')
			plan.rounds = atoi(optarg);
		else if (option == 'e')
			plan.extents = atoi(optarg);
		else if (option == 'm')
			parse_mappers(optarg);
		else
			return 2;
	}
	if (plan.rounds < 1 || plan.extents < 1 || optind == argc)
		fail(EINVAL, "usage: bench [-i] [-r ROUNDS] [-e EXTENTS] [-m MAPPERS,...] GROUP...");
	allow_descriptors();
	setup();
	/* What else goes on after boot would be counted. */
	if (counts_instructions())
		sleep(5);
	for (; optind < argc; optind++)
		run(argv[optind], &plan);
	return 0;
}
