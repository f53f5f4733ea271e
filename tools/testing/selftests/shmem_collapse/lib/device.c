// SPDX-License-Identifier: GPL-2.0
/* Requests by ioctl and by write, and the answers to the latter. */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int sc_device(void)
{
	return open(SC_DEVICE, O_RDWR | O_CLOEXEC);
}

int sc_device_raw(int fd, struct shmem_collapse_range *range)
{
	return ioctl(fd, SHMEM_COLLAPSE_RANGE, range) ? errno : 0;
}

struct sc_told sc_tell_some(int fd, const void *addr, size_t len, uint32_t room)
{
	struct sc_told told;
	struct shmem_collapse_range range = {
		.addr = (unsigned long)addr,
		.len = len,
		.nr_outcomes = room,
		.outcomes = (unsigned long)told.outcome,
	};
	int i;

	for (i = 0; i < SC_MAX_TOLD; i++)
		told.outcome[i] = SC_UNTOLD;
	told.err = sc_device_raw(fd, &range);
	told.count = range.nr_outcomes;
	return told;
}

struct sc_told sc_tell(int fd, const void *addr, size_t len)
{
	return sc_tell_some(fd, addr, len, SC_MAX_TOLD);
}

int sc_ask_raw(int fd, const void *request, size_t len)
{
	ssize_t n = write(fd, request, len);

	if (n < 0)
		return errno;
	return n == (ssize_t)len ? 0 : EIO;
}

int sc_ask(int fd, const char *request)
{
	return sc_ask_raw(fd, request, strlen(request));
}

int sc_answer(int fd, struct sc_stats *answer)
{
	char text[SC_MAX_ANSWER], *line, *rest = text;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return errno;
	text[n] = '\0';
	for (answer->count = 0; (line = strsep(&rest, "\n")) && *line; answer->count++) {
		if (answer->count == SC_MAX_STATS)
			return EOVERFLOW;
		if (sscanf(line, "%39s %llu", answer->stat[answer->count].name,
			   &answer->stat[answer->count].value) != 2)
			return EBADMSG;
	}
	return 0;
}

unsigned long long sc_answered(int fd, const char *name)
{
	struct sc_stats answer;

	return sc_answer(fd, &answer) ? ULLONG_MAX : sc_stat(&answer, name);
}

long sc_op_tell(struct sc_child *child, const long *arg)
{
	int fd = sc_device();
	struct sc_told told = sc_tell(fd, child->addr, sc_extent());

	close(fd);
	return told.count == 1 ? (long)told.outcome[0] : -(long)told.err;
}
