// SPDX-License-Identifier: GPL-2.0
/* Arguments of every kind for the ioctl of the device, and what its header says of the answer. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/shmem_collapse.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE	"/dev/shmem_collapse"
#define ROOM	2048	/* numbers that the array has room for: 4 GiB in extents of 2 MiB */
#define CANARY	0xdeadbeefu

static uint32_t outcomes[ROOM + 1];

/* Others write as well, and the module may be removed. */
static bool others;

static void tell(const struct shmem_collapse_range *range, const char *what, int err)
{
	if (others && (err == ENODEV || err == EINTR))
		return;
	mistake(NULL, "%s: addr %#llx len %#llx flags %#x nr %u outcomes %#llx: %s", what,
		(unsigned long long)range->addr, (unsigned long long)range->len, range->flags,
		range->nr_outcomes, (unsigned long long)range->outcomes,
		err ? strerror(err) : "success");
}

static int errno_of(uint32_t outcome)
{
	if (outcome <= SHMEM_COLLAPSE_ALREADY_HUGE)
		return 0;
	if (outcome == SHMEM_COLLAPSE_MISALIGNED)
		return EINVAL;
	if (outcome <= SHMEM_COLLAPSE_ZONE)
		return EOPNOTSUPP;
	if (outcome <= SHMEM_COLLAPSE_MEMCG_LIMIT)
		return ENOMEM;
	if (outcome <= SHMEM_COLLAPSE_RACED)
		return EAGAIN;
	if (outcome <= SHMEM_COLLAPSE_UFFD_ARMED)
		return EBUSY;
	if (outcome == SHMEM_COLLAPSE_NO_SPACE)
		return ENOSPC;
	if (outcome == SHMEM_COLLAPSE_NO_QUOTA)
		return EDQUOT;
	if (outcome == SHMEM_COLLAPSE_POISONED)
		return EHWPOISON;
	return outcome == SHMEM_COLLAPSE_EMPTY ? ENODATA : -1;
}

static size_t extents_in(const struct shmem_collapse_range *range)
{
	uint64_t step = sc_extent(), first = range->addr / step + !!(range->addr % step);
	uint64_t end = (range->addr + range->len) / step;

	return first < end ? end - first : 0;
}

/* Room for all: each extent has its outcome, and the first failure decides. */
static void check_outcomes(const struct shmem_collapse_range *range, int err)
{
	size_t n = extents_in(range), i;
	int first = 0;

	if (range->nr_outcomes != n)
		tell(range, "number of extents", err);
	for (i = 0; i < n; i++) {
		if (errno_of(outcomes[i]) < 0)
			tell(range, "an outcome that the header does not know", err);
		first = first ?: errno_of(outcomes[i]);
	}
	if (first != err)
		tell(range, "not the error of the first extent that failed", err);
	if (outcomes[n] != CANARY)
		tell(range, "wrote behind the array", err);
}

/* Whatever is there, tables with nothing in them can be freed, or a mapping is busy. */
static void check_reaped(const struct shmem_collapse_range *range, int err)
{
	size_t n = extents_in(range), i;

	if (err || range->nr_outcomes != n)
		tell(range, "an answer to a request to free tables", err);
	for (i = 0; i < n; i++)
		if (outcomes[i] && outcomes[i] != SHMEM_COLLAPSE_VMA_BUSY)
			tell(range, "an outcome of a request to free tables", err);
	if (outcomes[n] != CANARY)
		tell(range, "wrote behind the array", err);
}

static uint64_t some_start(struct rng *r)
{
	uint64_t target = (uint64_t)scene.target.addr;

	switch (below(r, 6)) {
	case 0:
		return rnd(r) >> below(r, 64);
	case 1:
		return UINT64_MAX - below(r, 2 * sc_extent());
	case 2:
		return (uint64_t)outcomes - below(r, 2 * sc_extent());
	default:
		return target + below(r, 3) * sc_extent() / 2;
	}
}

static uint64_t some_length(struct rng *r)
{
	switch (below(r, 6)) {
	case 0:
		return rnd(r) >> below(r, 64);
	case 1:
		return below(r, sc_extent());
	default:
		return below(r, 4) * sc_extent();
	}
}

/* Where numbers cannot be written. */
static uint64_t bad_pointer(struct rng *r)
{
	const uint64_t bad[] = { 0, 1, sc_page(), 1ull << 63, UINT64_MAX, UINT64_MAX - 4,
		(uint64_t)tell };

	return bad[below(r, 7)];
}

static void other_command(struct rng *r, int fd)
{
	struct shmem_collapse_range range = { 0 };
	unsigned long command = _IOC(below(r, 4), 'h', below(r, 256), below(r, 1 << 14));

	if (command == SHMEM_COLLAPSE_RANGE)
		return;
	if (!ioctl(fd, command, one_in(r, 2) ? (unsigned long)&range : rnd(r)) || errno != ENOTTY)
		tell(&range, "another command", errno);
}

static void bad_argument(struct rng *r, int fd)
{
	struct shmem_collapse_range range = { 0 };
	uint64_t at = bad_pointer(r);

	/* Programs may be read. */
	if (at == (uint64_t)tell)
		at = 0;
	if (!ioctl(fd, SHMEM_COLLAPSE_RANGE, at) || errno != EFAULT)
		tell(&range, "an argument that cannot be read", errno);
}

static void range_input(struct rng *r, int fd, bool alone)
{
	struct shmem_collapse_range range = {
		.addr = some_start(r),
		.len = some_length(r),
		.flags = one_in(r, 8) ? 1u << below(r, 32) :
			 one_in(r, 4) ? SHMEM_COLLAPSE_REAP : 0,
		.nr_outcomes = ROOM,
		.outcomes = (uint64_t)outcomes,
	};
	uint64_t end = range.addr + range.len, target = (uint64_t)scene.target.addr;
	bool bad = one_in(r, 8), short_array = one_in(r, 4), wraps = end < range.addr;
	int err;

	if (bad)
		range.outcomes = bad_pointer(r);
	else if (short_array)
		range.nr_outcomes = below(r, 3);
	if (!wraps && range.len / sc_extent() >= ROOM)
		return;	/* every extent is tried */
	memset(outcomes, 0xff, sizeof(outcomes));
	outcomes[wraps ? 0 : extents_in(&range)] = CANARY;
	if (one_in(r, 8))
		sc_split(scene.target.addr, scene.target.len);
	err = ioctl(fd, SHMEM_COLLAPSE_RANGE, &range) ? errno : 0;
	if ((range.flags & ~SHMEM_COLLAPSE_REAP) || wraps || end >= 1ull << 57) {
		if (err != EINVAL)
			tell(&range, "a malformed range", err);
	} else if (bad && extents_in(&range)) {
		/* EINVAL: behind the last address that a process can have. */
		if (err != EFAULT && err != EINVAL)
			tell(&range, "an array that cannot be written", err);
	} else if (end <= target + scene.target.len) {
		if (!bad && !short_array && range.flags)
			check_reaped(&range, err);
		else if (!bad && !short_array)
			check_outcomes(&range, err);
		else if (range.nr_outcomes != extents_in(&range))
			tell(&range, "number of extents", err);
		if (range.addr >= target && end <= target + scene.target.len && err && alone &&
		    err != EAGAIN && err != ENOMEM)
			tell(&range, "all of the target is there", err);
	}
}

void device_input(struct rng *r, bool alone)
{
	int fd = open(DEVICE, (one_in(r, 2) ? O_RDWR : O_RDONLY) | O_CLOEXEC);

	others = !alone;
	if (fd < 0)
		return;
	switch (below(r, 8)) {
	case 0:
		other_command(r, fd);
		break;
	case 1:
		bad_argument(r, fd);
		break;
	default:
		range_input(r, fd, alone);
		break;
	}
	count_input();
	close(fd);
}
