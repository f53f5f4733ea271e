// SPDX-License-Identifier: GPL-2.0
/* Requests by ioctl. */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

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
