// SPDX-License-Identifier: GPL-2.0
/* Small files, requests, knobs, statistics and kernel switches. */
#include "sc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int sc_read_file(const char *path, char *buf, size_t size)
{
	size_t got = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	while (got + 1 < size) {
		n = read(fd, buf + got, size - 1 - got);
		if (n < 0) {
			int err = errno;

			close(fd);
			return err;
		}
		if (!n)
			break;
		got += n;
	}
	buf[got] = '\0';
	close(fd);
	return 0;
}

static int write_all(const char *path, const void *data, size_t len)
{
	ssize_t n;
	int err = 0;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	n = write(fd, data, len);
	if (n < 0)
		err = errno;
	else if ((size_t)n != len)
		err = EIO;	/* never a documented answer: a short write is always a failure */
	close(fd);
	return err;
}

int sc_write_file(const char *path, const char *text)
{
	return write_all(path, text, strlen(text));
}

long long sc_read_number(const char *path)
{
	char buf[64], *end;
	long long value;

	if (sc_read_file(path, buf, sizeof(buf)))
		return -1;
	value = strtoll(buf, &end, 0);
	return end == buf ? -1 : value;
}

size_t sc_page(void)
{
	static size_t size;

	if (!size)
		size = sysconf(_SC_PAGESIZE);
	return size;
}

size_t sc_extent(void)
{
	static size_t size;

	if (!size) {
		long long n = sc_read_number(SC_THP "/hpage_pmd_size");

		if (n <= 0) {
			fprintf(stderr, "# no transparent huge pages in this kernel\n");
			exit(1);
		}
		size = n;
	}
	return size;
}

size_t sc_nr(void)
{
	return sc_extent() / sc_page();
}

int sc_collapse_raw(const void *request, size_t len)
{
	return write_all(SC_DIR "/collapse", request, len);
}

int sc_collapsef(const char *format, ...)
{
	char request[512];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(request, sizeof(request), format, ap);
	va_end(ap);
	return sc_collapse_raw(request, len);
}

int sc_collapse(pid_t pid, const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr;

	return sc_collapsef("%d,0x%lx,0x%lx", pid, start, start + len);
}

int sc_collapse_retry(pid_t pid, const void *addr, size_t len, int tries)
{
	int err;

	do {
		err = sc_collapse(pid, addr, len);
		if (err != EAGAIN)
			break;
		usleep(2000);
	} while (--tries > 0);
	return err;
}

static void knob_path(char *path, size_t size, const char *knob)
{
	snprintf(path, size, SC_DIR "/%s", knob);
}

int sc_knob_set(const char *knob, const char *value)
{
	char path[128];

	knob_path(path, sizeof(path), knob);
	return sc_write_file(path, value);
}

int sc_knob_set_number(const char *knob, long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld\n", value);
	return sc_knob_set(knob, text);
}

long long sc_knob(const char *knob)
{
	char path[128], buf[64];

	knob_path(path, sizeof(path), knob);
	if (sc_read_file(path, buf, sizeof(buf)))
		return LLONG_MIN;
	return strtoll(buf, NULL, 0);
}

bool sc_brief(void)
{
	const char *text = getenv("SC_BRIEF");

	return text && *text;
}

bool sc_loaded(void)
{
	return !access(SC_DIR "/collapse", F_OK);
}

/* A module that is linked at load needs the program that links it. */
static int load_linked(const char *path)
{
	pid_t pid = sc_fork();
	int status;

	if (!pid) {
		execl(MODULE_LINK, MODULE_LINK, "load", path, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return ECHILD;
	return WEXITSTATUS(status) ? ENOEXEC : 0;
}

int sc_load(void)
{
	const char *path = getenv("SHMEM_COLLAPSE_KO") ?: "/lib/shmem_collapse.ko";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return errno;
	if (!access(MODULE_LINK, X_OK))
		err = sc_loaded() ? EEXIST : load_linked(path);
	else if (syscall(SYS_finit_module, fd, "", 0))
		err = errno;
	close(fd);
	return err;
}

int sc_unload(void)
{
	return syscall(SYS_delete_module, "shmem_collapse", O_NONBLOCK) ? errno : 0;
}

int sc_defaults(void)
{
	char path[320];
	struct dirent *d;
	DIR *dir;
	int err;

	sc_faults_off();
	err = sc_knob_set_number("max_ptes_none", sc_nr() - 1);
	err = err ?: sc_knob_set_number("max_ptes_swap", sc_nr());
	err = err ?: sc_knob_set_number("map_all", 1);
	err = err ?: sc_knob_set_number("direct_reclaim", 0);
	err = err ?: sc_knob_set_number("workers", 1);
	err = err ?: sc_knob_set_number("target_node", -1);
	err = err ?: sc_knob_set_number("patience_ms", 200);
	err = err ?: sc_write_file(SC_THP "/shmem_enabled", "never");
	if (err)
		return err;

	/* Small pages only, so that whatever is huge became so by a request. */
	dir = opendir(SC_THP);
	if (!dir)
		return errno;
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, "hugepages-", 10))
			continue;
		snprintf(path, sizeof(path), SC_THP "/%s/shmem_enabled", d->d_name);
		if (!access(path, W_OK))
			err = err ?: sc_write_file(path, "never");
	}
	closedir(dir);
	return err;
}

int sc_stats(struct sc_stats *stats)
{
	char path[400];
	struct dirent *d;
	DIR *dir;

	stats->count = 0;
	dir = opendir(SC_DIR "/stats");
	if (!dir)
		return errno;
	while ((d = readdir(dir))) {
		int n = stats->count;

		if (d->d_name[0] == '.' || !strcmp(d->d_name, "reset"))
			continue;
		if (n == SC_MAX_STATS || strlen(d->d_name) >= sizeof(stats->stat[n].name)) {
			closedir(dir);
			return EOVERFLOW;
		}
		snprintf(stats->stat[n].name, sizeof(stats->stat[n].name), "%.39s", d->d_name);
		snprintf(path, sizeof(path), SC_DIR "/stats/%s", d->d_name);
		stats->stat[n].value = sc_read_number(path);
		stats->count++;
	}
	closedir(dir);
	return 0;
}

unsigned long long sc_stat(const struct sc_stats *stats, const char *name)
{
	int i;

	for (i = 0; i < stats->count; i++)
		if (!strcmp(stats->stat[i].name, name))
			return stats->stat[i].value;
	return ULLONG_MAX;
}

unsigned long long sc_grown(const struct sc_stats *before, const char *name)
{
	unsigned long long old = sc_stat(before, name), new;
	struct sc_stats now;

	if (sc_stats(&now))
		return ULLONG_MAX;
	new = sc_stat(&now, name);
	if (old == ULLONG_MAX || new == ULLONG_MAX)
		return ULLONG_MAX;
	return new - old;
}

void sc_print_grown(const struct sc_stats *before, const char *prefix)
{
	int i;

	for (i = 0; i < before->count; i++) {
		const char *name = before->stat[i].name;
		unsigned long long by = sc_grown(before, name);

		if (by && by != ULLONG_MAX && !strstr(name, "_ns") &&
		    !strncmp(name, prefix, strlen(prefix)))
			fprintf(stderr, "#   %s: %llu\n", name, by);
	}
}

void sc_print_outcomes(const struct sc_stats *before)
{
	sc_print_grown(before, "");
}

unsigned long long sc_failed_sum(const struct sc_stats *stats)
{
	unsigned long long sum = 0;
	int i;

	for (i = 0; i < stats->count; i++)
		if (!strncmp(stats->stat[i].name, "failed_", 7))
			sum += stats->stat[i].value;
	return sum;
}

#define MAX_SWITCHES 16

static struct {
	char path[160];
	char old[64];
} switches[MAX_SWITCHES];
static int nr_switches;

/* A choice is shown as "a b [c]": only the chosen word can be written back. */
static void chosen_word(char *text)
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (close) {
		memmove(text, open + 1, close - open - 1);
		text[close - open - 1] = '\0';
	}
	text[strcspn(text, "\n")] = '\0';
}

long long sc_fault_around(size_t bytes)
{
	const char *path = "/sys/kernel/debug/fault_around_bytes";
	long long old = sc_read_number(path);
	char text[24];

	snprintf(text, sizeof(text), "%zu", bytes);
	return sc_write_file(path, text) ? -1 : old;
}

int sc_switch(const char *path, const char *value)
{
	char old[256];
	int err;

	if (nr_switches == MAX_SWITCHES)
		return ENOSPC;
	err = sc_read_file(path, old, sizeof(old));
	err = err ?: sc_write_file(path, value);
	if (err)
		return err;
	chosen_word(old);
	snprintf(switches[nr_switches].path, sizeof(switches[0].path), "%s", path);
	snprintf(switches[nr_switches].old, sizeof(switches[0].old), "%.60s", old);
	nr_switches++;
	return 0;
}

void sc_restore_switches(void)
{
	while (nr_switches > 0) {
		nr_switches--;
		sc_write_file(switches[nr_switches].path, switches[nr_switches].old);
	}
}

int sc_mthp(size_t kb, const char *value)
{
	char path[160];

	snprintf(path, sizeof(path), SC_THP "/hugepages-%zukB/shmem_enabled", kb);
	return sc_switch(path, value);
}
