// SPDX-License-Identifier: GPL-2.0
/* Events of the kernel, in a trace instance of our own. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/shmem_collapse_bench"

static void set(const char *file, const char *value)
{
	char path[256];
	int err;

	snprintf(path, sizeof(path), INSTANCE "/%s", file);
	err = sc_write_file(path, value);
	if (err)
		fail(err, "writing '%s' to %s", value, path);
}

void trace_open(void)
{
	if (mkdir(INSTANCE, 0700))
		fail(errno, "making %s", INSTANCE);
	set("tracing_on", "0");
	set("buffer_size_kb", "8192");
	set("options/hash-ptr", "0");
}

void trace_close(void)
{
	set("events/enable", "0");
	if (rmdir(INSTANCE))
		fail(errno, "removing %s", INSTANCE);
	/* Opening for truncation removes all probes; in this machine they are ours. */
	close(open(TRACING "/dynamic_events", O_WRONLY | O_TRUNC | O_CLOEXEC));
}

bool trace_probe(const char *definition)
{
	int fd = open(TRACING "/dynamic_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail(errno, "opening dynamic_events");
	n = write(fd, definition, strlen(definition));
	close(fd);
	return n == (ssize_t)strlen(definition);
}

void trace_enable(const char *event, const char *filter)
{
	char file[128];

	if (filter) {
		snprintf(file, sizeof(file), "events/%s/filter", event);
		set(file, filter);
	}
	snprintf(file, sizeof(file), "events/%s/enable", event);
	set(file, "1");
}

void trace_disable(const char *event)
{
	char file[128];

	snprintf(file, sizeof(file), "events/%s/enable", event);
	set(file, "0");
}

/* engine, at, nr -> ns: with tracing on for that time only; what this needs is there before */
static long op_collapse_traced(struct sc_child *child, const long *arg)
{
	int on = open(INSTANCE "/tracing_on", O_WRONLY | O_CLOEXEC);
	bool failed;
	long ns;

	failed = write(on, "0", 1) != 1;
	failed |= write(on, "1", 1) != 1;
	ns = op_collapse(child, arg);
	failed |= write(on, "0", 1) != 1;
	close(on);
	return failed ? -1 : ns;
}

uint64_t trace_collapse(struct arena *a, enum engine who)
{
	/* Opening for truncation is what empties the buffer. */
	int fd = open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
	long ns;

	close(fd);
	ns = sc_call(&a->m[0], op_collapse_traced, who, a->at, a->nr, 0);
	if (fd < 0 || ns < 0)
		fail(EIO, "tracing a request");
	return ns;
}

/* "   comm-123   [001] ..... 12.345678: event: text"; a comm may hold dashes. */
static bool parse(char *line, struct trace_line *l)
{
	char *at = strstr(line, " ["), *end, *pid = at;

	if (line[0] == '#' || !at)
		return false;
	while (pid > line && pid[-1] != '-')
		pid--;
	l->pid = atoi(pid);
	end = strstr(at, ": ");
	if (!end || sscanf(at, " [%*d] %*s %lf", &l->us) != 1)
		return false;
	l->us *= 1e6;
	l->event = end + 2;
	end = strstr(l->event, ": ");
	if (!end)
		return false;
	*end = '\0';
	l->text = end + 2;
	return true;
}

void trace_read(trace_fn each, void *data)
{
	FILE *f = fopen(INSTANCE "/trace", "re");
	struct trace_line l;
	char line[1024];

	if (!f)
		fail(errno, "reading the trace");
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "LOST"))
			fail(0, "the trace buffer is too small");
		if (parse(line, &l))
			each(&l, data);
	}
	fclose(f);
}

unsigned long long trace_field(const struct trace_line *l, const char *name)
{
	size_t len = strlen(name);
	const char *at = l->text;

	while ((at = strstr(at, name))) {
		/* Not the end of another name. */
		if (at[len] == '=' && (at == l->text || at[-1] == ' '))
			return strtoull(at + len + 1, NULL, 0);
		at += len;
	}
	return 0;
}
