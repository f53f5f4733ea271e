// SPDX-License-Identifier: GPL-2.0
/* Requests beside memory management that moves pages: compaction, migration between nodes. */
#include "load.h"

#include <sys/syscall.h>

static void compact(int nr)
{
	while (!sc_write_file("/proc/sys/vm/compact_memory", "1"))
		turn(nr);
	_exit(1);
}

LOAD_TEST(compaction)
{
	beside(_metadata, self, 1, compact, false);
}

/* All pages that the process maps, there and back. */
static void migrate(int nr)
{
	unsigned long here = 1, there = 2;

	while (true) {
		if (syscall(SYS_migrate_pages, 0, 64, &here, &there) < 0)
			_exit(1);
		turn(nr);
		here = 3 - here;
		there = 3 - there;
	}
}

LOAD_TEST(migration_between_nodes)
{
	if (access("/sys/devices/system/node/node1/meminfo", R_OK))
		SKIP(return, "one NUMA node");
	beside(_metadata, self, 1, migrate, false);
}

TEST_HARNESS_MAIN
