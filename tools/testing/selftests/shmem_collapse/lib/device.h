/* SPDX-License-Identifier: GPL-2.0 */
/* /dev/shmem_collapse, as the tests use it. */
#ifndef SC_DEVICE_H
#define SC_DEVICE_H

#include <linux/shmem_collapse.h>

#include "sc.h"

#define SC_DEVICE	"/dev/shmem_collapse"
/* No outcome: what the kernel has not written. */
#define SC_UNTOLD	0xdeadbeefu
#define SC_MAX_TOLD	16

/* What the device says of a range. */
struct sc_told {
	int err;			/* 0 or the errno */
	uint32_t count;			/* nr_outcomes as the kernel left it */
	uint32_t outcome[SC_MAX_TOLD];	/* SC_UNTOLD where nothing was written */
};

/* Bytes of an answer as text are fewer. */
#define SC_MAX_ANSWER	4096

/* The descriptor, or -1 with errno. */
int sc_device(void);
/* One request as it is; returns 0 or the errno. */
int sc_device_raw(int fd, struct shmem_collapse_range *range);
/* Room for all outcomes, up to SC_MAX_TOLD. */
struct sc_told sc_tell(int fd, const void *addr, size_t len);
/* The same with room for @room of them. */
struct sc_told sc_tell_some(int fd, const void *addr, size_t len, uint32_t room);

/* A request of the administrator by write(); 0 or the errno, EIO for a part of it. */
int sc_ask(int fd, const char *request);
int sc_ask_raw(int fd, const void *request, size_t len);
/* What the device answers at this moment, by name; 0 or the errno. */
int sc_answer(int fd, struct sc_stats *answer);
/* One figure of it; ULLONG_MAX if there is none. */
unsigned long long sc_answered(int fd, const char *name);

/* For sc_call(): -> the outcome of the first extent, or minus the errno if there is none. */
long sc_op_tell(struct sc_child *child, const long *arg);

#endif /* SC_DEVICE_H */
