// SPDX-License-Identifier: GPL-2.0
/* The view of page tables in debugfs. */
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int sc_tables_open(void)
{
	if (access("/sys/kernel/debug/shmem_collapse", F_OK))
		mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	return open(SC_TABLES, O_RDWR | O_CLOEXEC);
}

int sc_tables_ask(int fd, const char *request)
{
	size_t len = strlen(request);

	return write(fd, request, len) == (ssize_t)len ? 0 : errno ?: EIO;
}

const char *sc_tables_answer(int fd)
{
	static char text[SC_MAX_TABLES];
	size_t len = 0;
	ssize_t n;

	do {
		n = pread(fd, text + len, sizeof(text) - 1 - len, len);
		len += n > 0 ? n : 0;
	} while (n > 0);
	text[len] = '\0';
	return text;
}

const char *sc_tables(pid_t pid, const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr;
	const char *answer = NULL;
	char request[80];
	int fd, err;

	fd = sc_tables_open();
	if (fd < 0)
		return NULL;
	if (addr)
		snprintf(request, sizeof(request), "%d,%#lx,%#lx", pid, start, start + len);
	else
		snprintf(request, sizeof(request), "%d", pid);
	err = sc_tables_ask(fd, request);
	if (!err)
		answer = sc_tables_answer(fd);
	close(fd);
	errno = err;
	return answer;
}

static long long figure_of(const char *line, const char *name)
{
	const char *end = strchrnul(line, '\n');
	size_t len = strlen(name);

	for (; line < end; line += strcspn(line, "\n ") + 1)
		if (!strncmp(line, name, len) && line[len] == '=')
			return atoll(line + len + 1);
	return 0;
}

static const char *next_line(const char *line)
{
	const char *end = strchrnul(line, '\n');

	return *end ? end + 1 : end;
}

long long sc_figure(const char *answer, const char *word, const char *name)
{
	size_t len = strlen(word);

	for (; *answer; answer = next_line(answer))
		if (!strncmp(answer, word, len) && strchr("\n ", answer[len]))
			return figure_of(answer, name);
	return -1;
}

long long sc_figure_at(const char *answer, const void *addr, const char *name)
{
	unsigned long at = (unsigned long)addr, start, end;

	for (; *answer; answer = next_line(answer))
		if (sscanf(answer, "%lx-%lx", &start, &end) == 2 && start <= at && at < end)
			return figure_of(answer, name);
	return -1;
}

long long sc_figure_total(const char *answer, const char *name)
{
	return sc_figure(answer, "total", name);
}

long long sc_tables_of(pid_t pid, const void *addr, size_t len, const char *name)
{
	const char *answer = sc_tables(pid, addr, len);

	return answer ? sc_figure_total(answer, name) : -1;
}

int sc_reapf(const char *format, ...)
{
	char request[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(request, sizeof(request), format, ap);
	va_end(ap);
	return sc_write_file(SC_DIR "/reap", request);
}

int sc_reap(pid_t pid, const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr;

	return sc_reapf("%d,%#lx,%#lx", pid, start, start + len);
}

int sc_punch(const struct sc_segment *seg, size_t first_page, size_t pages)
{
	return fallocate(seg->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 first_page * sc_page(), pages * sc_page()) ? errno : 0;
}
