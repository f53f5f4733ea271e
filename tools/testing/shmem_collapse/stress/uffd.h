/* SPDX-License-Identifier: GPL-2.0 */
/* A thread that answers the faults of a view (uffd.c), and what older headers lack. */
#ifndef STRESS_UFFD_H
#define STRESS_UFFD_H

#include "stress.h"

#include <linux/userfaultfd.h>
#include <pthread.h>

#ifndef UFFDIO_POISON
#define _UFFDIO_POISON			0x08
#define UFFDIO_POISON			_IOWR(UFFDIO, _UFFDIO_POISON, struct uffdio_poison)
#define UFFD_FEATURE_POISON		(1 << 14)

struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#endif

#ifndef UFFDIO_RWPROTECT
#define _UFFDIO_RWPROTECT		0x09
#define UFFDIO_RWPROTECT		_IOWR(UFFDIO, _UFFDIO_RWPROTECT, struct uffdio_rwprotect)
#define UFFDIO_REGISTER_MODE_RWP	((__u64)1 << 3)
#define UFFDIO_RWPROTECT_MODE_RWP	((__u64)1 << 0)
#define UFFD_PAGEFAULT_FLAG_RWP		(1 << 3)
#define UFFD_FEATURE_RWP		(1 << 17)

struct uffdio_rwprotect {
	struct uffdio_range range;
	__u64 mode;
};
#endif

struct watch {
	struct view *view;
	int fd, stop[2];
	pthread_t thread;
	/* The page whose events are counted, and how many there were. */
	uint64_t page, events;
};

/* Registers the view for @mode with @features; false if the kernel does not want to. */
bool watch_begin(struct watch *w, struct view *v, uint64_t mode, uint64_t features);
void watch_end(struct watch *w);

#endif /* STRESS_UFFD_H */
