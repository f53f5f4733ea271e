// SPDX-License-Identifier: GPL-2.0
/*
 * For programs that are linked with --wrap=madvise: what they ask MADV_COLLAPSE for becomes a
 * request of shmem_collapse about the same range, with an errno for an answer as before.
 */
#include "madvise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

int __wrap_madvise(void *addr, size_t len, int advice)
{
	unsigned long start = (unsigned long)addr;
	char request[80];
	int n, fd, err;

	if (advice != MADV_COLLAPSE)
		return __real_madvise(addr, len, advice);
	n = snprintf(request, sizeof(request), "%d,0x%lx,0x%lx", getpid(), start, start + len);
	fd = open("/sys/kernel/mm/shmem_collapse/collapse", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	err = write(fd, request, n) == n ? 0 : errno;
	close(fd);
	errno = err;
	return err ? -1 : 0;
}
