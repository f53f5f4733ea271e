// SPDX-License-Identifier: GPL-2.0
/*
 * Counts mmap_lock tracepoint events during a request, in a trace instance of our own: those of
 * the writer, and those of anyone on a target's mm while the targets sleep.
 */
#include "sc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/shmem_collapse"

/* Opening for truncation is what empties the buffer. */
static int clear(void)
{
	int fd = open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int set(const char *file, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), INSTANCE "/%s", file);
	return sc_write_file(path, value);
}

int sc_events_open(void)
{
	int err;

	if (access(TRACING "/events", F_OK) && mount("tracefs", TRACING, "tracefs", 0, NULL))
		return errno;
	if (access(TRACING "/events/mmap_lock", F_OK))
		return ENOENT;
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return errno;
	err = set("tracing_on", "0");
	err = err ?: set("buffer_size_kb", "2048");
	/* Addresses as they are: hashed ones may not be there yet early after boot. */
	err = err ?: set("options/hash-ptr", "0");
	err = err ?: clear();
	return err ?: set("events/mmap_lock/enable", "1");
}

void sc_events_close(void)
{
	set("tracing_on", "0");
	set("events/mmap_lock/enable", "0");
	rmdir(INSTANCE);
}

/* The pid of a line "   comm-123   [001] ..... 12.345: event: ...". A comm may hold dashes. */
static pid_t event_pid(const char *line)
{
	const char *at = strstr(line, " [");

	while (at && at > line && at[-1] == ' ')
		at--;
	while (at && at > line && at[-1] != '-')
		at--;
	return at ? atoi(at) : -1;
}

static bool event_mm(const char *line, char *mm, size_t size)
{
	const char *at = strstr(line, "mm=");
	size_t len;

	if (!at)
		return false;
	at += 3;
	len = strcspn(at, "\n ");
	if (len >= size)
		len = size - 1;
	memcpy(mm, at, len);
	mm[len] = '\0';
	return true;
}

static long op_map_something(struct sc_child *child, const long *arg)
{
	void *p = mmap(NULL, sc_page(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : munmap(p, sc_page());
}

int sc_events_learn(struct sc_events *e, struct sc_mapper *m)
{
	char line[512], mm[24];
	int err = ESRCH;
	FILE *f;

	if (e->count == SC_MAX_TARGETS)
		return ENOSPC;
	clear();
	set("tracing_on", "1");
	if (sc_call(m, op_map_something, 0, 0, 0, 0))
		return EINVAL;
	set("tracing_on", "0");

	f = fopen(INSTANCE "/trace", "re");
	if (!f)
		return errno;
	while (err && fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || event_pid(line) != m->pid || !strstr(line, "write=true"))
			continue;
		if (event_mm(line, mm, sizeof(mm))) {
			e->target[e->count].pid = m->pid;
			memcpy(e->target[e->count].mm, mm, sizeof(mm));
			e->count++;
			err = 0;
		}
	}
	fclose(f);
	return err;
}

static void count_events(struct sc_events *e, pid_t writer)
{
	char line[512], mm[24];
	FILE *f;
	int i;

	f = fopen(INSTANCE "/trace", "re");
	if (!f) {
		e->lost = -1;
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "LOST"))
			e->lost++;
		if (line[0] == '#' || !event_mm(line, mm, sizeof(mm)))
			continue;
		e->by_writer += event_pid(line) == writer;
		for (i = 0; i < e->count; i++)
			e->on_targets += !strcmp(e->target[i].mm, mm);
	}
	fclose(f);
}

/* Does nothing that could fault between the two switches. */
static int write_traced(const char *request)
{
	size_t len = strlen(request);
	int on, collapse;
	ssize_t n;
	int err;

	on = open(INSTANCE "/tracing_on", O_WRONLY | O_CLOEXEC);
	collapse = open(SC_DIR "/collapse", O_WRONLY | O_CLOEXEC);
	if (on < 0 || collapse < 0)
		return 255;
	/* Once in vain, so that every page this takes is there. */
	if (write(on, "0", 1) != 1 || write(collapse, "x", 1) != -1)
		return 255;

	if (write(on, "1", 1) != 1)
		return 255;
	n = write(collapse, request, len);
	err = n < 0 ? errno : 0;
	if (write(on, "0", 1) != 1 || (n >= 0 && n != (ssize_t)len))
		return 255;
	return err;
}

int sc_events_run(struct sc_events *e, const char *request)
{
	pid_t pid;
	int err;

	e->by_writer = 0;
	e->on_targets = 0;
	e->lost = 0;
	clear();
	pid = sc_fork();
	if (pid < 0)
		return errno;
	if (!pid)
		_exit(write_traced(request));
	err = sc_join(pid);
	count_events(e, pid);
	return err;
}
