// SPDX-License-Identifier: GPL-2.0
/* Options, the time before and after, and the verdict as TAP. */
#include "stress.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const tests[TESTS] = {
	[CONTENT] = "no wrong byte, no lost event",
	[WORKERS_LIVED] = "no worker died of anything but SIGKILL",
	[WORKERS_ENDED] = "no worker hangs",
	[ANSWERS] = "requests are answered as documented",
	[FINAL_CONTENT] = "all files are right at the end",
	[FINAL_COLLAPSE] = "every extent can be made huge at the end",
	[STATISTICS] = "statistics add up",
	[ENOUGH] = "enough extents were collapsed",
	[GROUPS_EMPTY] = "control groups are empty at the end",
	[BALANCED] = "counters of the machine are as before",
};

static void bad_usage(void)
{
	printf("usage: stress [--seconds N] [--seed N] [--least EXTENTS]\n"
	       "  [--background none|reclaim|compact|hotplug|reload]\n"
	       "  [--requests extent|file|range|process]\n");
	exit(2);
}

static void options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "least", required_argument, NULL, 'l' },
		{ "background", required_argument, NULL, 'b' },
		{ "requests", required_argument, NULL, 'q' },
		{ "nothing", no_argument, NULL, 'n' },	/* what a worker executes */
		{ }
	};
	int c;

	world->seconds = sc_brief() ? 8 : 15;
	world->least = 1;
	world->seed = sc_now_ns() ^ (uint64_t)getpid() << 48;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 's')
			world->seconds = atof(optarg);
		else if (c == 'r')
			world->seed = strtoull(optarg, NULL, 0);
		else if (c == 'l')
			world->least = strtoull(optarg, NULL, 0);
		else if (c == 'b' && background_choose(optarg))
			continue;
		else if (c == 'q' && requests_choose(optarg))
			continue;
		else if (c == 'n')
			exit(0);
		else
			bad_usage();
	}
	if (optind < argc)
		bad_usage();
}

static void *shared(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	memset(p, 0, len);
	return p;
}

int main(int argc, char **argv)
{
	struct balance before;
	long long around;
	pid_t pid;
	int i, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	world = shared(sizeof(*world));
	pages = shared(FILES * file_pages() * sizeof(*pages));
	options(argc, argv);
	if (geteuid() || !sc_loaded()) {
		printf("1..0 # SKIP needs root and the module shmem_collapse\n");
		return 4;
	}
	printf("TAP version 13\n1..%d\n", TESTS);
	printf("# %d processes, %d files of %d extents, %.0f s, seed %llu\n", WORKERS, FILES,
	       EXTENTS, world->seconds, (unsigned long long)world->seed);
	if (sc_defaults())
		return 1;
	/* The program itself is mapped file memory too: have all of it from the beginning. */
	mlockall(MCL_CURRENT);
	/* Everybody splits, by holes, truncation and reclaim as well: see sc_fault_around(). */
	around = sc_fault_around(sc_page());
	balance_take(&before);
	sc_write_file("/proc/sys/vm/drop_caches", "3");
	balance_take(&before);

	world->passed[GROUPS_EMPTY] = true;
	pid = sc_fork();
	if (!pid)
		supervise();
	if (pid < 0 || sc_join(pid))
		printf("# the supervisor died\n");
	sc_defaults();
	sc_restore_switches();
	if (around > 0)
		sc_fault_around(around);
	world->passed[BALANCED] = balance_is(&before);
	for (i = 0; i < TESTS; i++) {
		printf("%s %d %s\n", world->passed[i] ? "ok" : "not ok", i + 1, tests[i]);
		failed += !world->passed[i];
	}
	return failed > 0;
}
