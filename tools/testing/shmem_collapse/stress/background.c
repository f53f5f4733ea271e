// SPDX-License-Identifier: GPL-2.0
/* What the supervisor does all the time if it is told to, besides what managers do now and then. */
#include "stress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int cpu_gone;

static bool cpu_switch(int cpu, bool on)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return !sc_write_file(path, on ? "1" : "0");
}

/* One CPU other than the first goes, and comes again the next time. */
static bool hotplug(struct rng *r)
{
	int cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (cpu_gone) {
		int cpu = cpu_gone;

		cpu_gone = 0;
		return cpu_switch(cpu, true);
	}
	if (cpus < 2)
		return false;
	cpu_gone = 1 + below(r, cpus - 1);
	return cpu_switch(cpu_gone, false);
}

/* Whoever asks meanwhile finds no file, and the next module counts from zero. */
static bool reload(struct rng *r)
{
	int err, tries = 0;

	figures_module_goes();
	/* A program that has the device open keeps the module. */
	while ((err = sc_unload()) == EAGAIN && ++tries < 500)
		usleep(10000);
	err = err ?: sc_load();
	figures_module_came();
	if (err)
		complain("the module cannot be removed and loaded: %s", strerror(err));
	return !err;
}

static bool reclaim_some(struct rng *r)
{
	int err = *group_root ? group_write(group_root, "memory.reclaim", "8M") : ENOENT;

	/* EAGAIN: not all of it could be reclaimed. */
	return !err || err == EAGAIN;
}

static bool compact(struct rng *r)
{
	return !sc_write_file("/proc/sys/vm/compact_memory", "1");
}

static const struct background {
	const char *name;
	int pause;		/* ticks of the supervisor between two, on average */
	bool (*run)(struct rng *r);
} backgrounds[] = {
	{ "none", 0, NULL },
	{ "reclaim", 2, reclaim_some },
	{ "compact", 5, compact },
	{ "hotplug", 10, hotplug },
	{ "reload", 100, reload },
};

bool background_choose(const char *name)
{
	for (world->background = 0; world->background < ARRAY_SIZE(backgrounds); world->background++)
		if (!strcmp(backgrounds[world->background].name, name))
			return true;
	return false;
}

bool background_reloads(void)
{
	return backgrounds[world->background].run == reload;
}

void background_step(struct rng *r)
{
	const struct background *b = &backgrounds[world->background];

	if (b->run && one_in(r, b->pause) && b->run(r))
		world->background_done++;
}

void background_end(void)
{
	if (cpu_gone)
		cpu_switch(cpu_gone, true);
	if (world->background)
		printf("# in the background: %s, %llu times\n", backgrounds[world->background].name,
		       (unsigned long long)world->background_done);
}
