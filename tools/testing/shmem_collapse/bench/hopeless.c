// SPDX-License-Identifier: GPL-2.0
/* What it costs to find that an extent cannot, or need not, be collapsed. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum why { HOLE, PINNED, HUGE_ALREADY, REASONS };

static const char * const reason[REASONS] = { "hopeless_hole", "hopeless_pinned", "hopeless_huge" };

struct hopeless {
	enum why why;
	struct samples ns[ENGINES][REASONS];
};

/* at, nr: the page in the middle of each, pinned for I/O -> descriptor that keeps the pins */
static long op_pin(struct sc_child *child, const long *arg)
{
	size_t extents = arg[1], i;
	struct iovec *buffer = calloc(extents, sizeof(*buffer));
	struct io_uring_params params = {};
	int fd;

	for (i = 0; i < extents; i++) {
		buffer[i].iov_base = child->addr + (arg[0] + i) * sc_extent() + sc_extent() / 2;
		buffer[i].iov_len = sc_page();
	}
	fd = syscall(SYS_io_uring_setup, 1, &params);
	if (fd >= 0 && syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, buffer, extents))
		fd = -1;
	free(buffer);
	return fd;
}

static long op_close(struct sc_child *child, const long *arg)
{
	return close(arg[0]);
}

static void one_round(struct arena *a, enum engine who, bool counts, void *data)
{
	struct hopeless *h = data;
	bool worked;
	long pins = -1;
	uint64_t ns;

	if (h->why == HOLE && fallocate(a->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					a->at * sc_extent(), a->nr * sc_extent()))
		fail(errno, "punching the memfd");
	if (h->why == HUGE_ALREADY)
		collapse(a, who);
	if (h->why == PINNED) {
		pins = sc_call(&a->m[0], op_pin, a->at, a->nr, 0, 0);
		if (pins < 0)
			fail(0, "io_uring cannot pin pages");
	}
	ns = collapse(a, who);
	worked = arena_small(a) == (h->why == HUGE_ALREADY ? 0 : a->nr);
	if (counts && worked)
		sample(&h->ns[who][h->why], (double)ns / a->nr);
	if (pins >= 0)
		sc_call(&a->m[0], op_close, pins, 0, 0, 0);
}

void bench_hopeless(const struct plan *plan)
{
	struct hopeless *h = calloc(1, sizeof(*h));
	struct arena *a = arena_make(1, plan->extents, shares());
	int who;

	say("hopeless extents");
	for (h->why = 0; h->why < REASONS; h->why++) {
		alternate(a, RESTED, 1, half_the_rounds(plan), one_round, h);
		for (who = 0; who < ENGINES; who++)
			result_time(who, 1, reason[h->why], &h->ns[who][h->why]);
	}
	arena_drop(a);
	free(h);
}
