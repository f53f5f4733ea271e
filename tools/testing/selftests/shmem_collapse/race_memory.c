// SPDX-License-Identifier: GPL-2.0
/* Requests against memory management, and against threads that use the memory all the time. */
#include "race.h"

#include <pthread.h>
#include <sys/uio.h>

/* --- memory management ----------------------------------------------------------------------- */

static long op_swap_out(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;

	while (until(&deadline)) {
		madvise(child->addr, child->len, MADV_PAGEOUT);
		usleep(500);
	}
	return 0;
}

RACE_TEST(H30_H39_swapping_out)
{
	const char *reason;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	race_with(_metadata, self, op_swap_out);
}

static long op_compact(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;

	while (until(&deadline)) {
		sc_write_file("/proc/sys/vm/compact_memory", "1");
		usleep(2000);
	}
	return 0;
}

RACE_TEST(H39_compaction)
{
	race_with(_metadata, self, op_compact);
}

static long op_pin(struct sc_child *child, const long *arg)
{
	struct iovec page = { .iov_len = sc_page() };
	uint64_t deadline = 0;
	int fds[2];

	while (until(&deadline)) {
		if (pipe(fds))
			return -1;
		page.iov_base = child->addr + (sc_now_ns() / 1000 % (EXTENTS * sc_nr())) * sc_page();
		if (vmsplice(fds[1], &page, 1, 0) < 0)
			return -1;
		close(fds[0]);
		close(fds[1]);
		usleep(100);
	}
	return 0;
}

RACE_TEST(H15_short_pins)
{
	race_with(_metadata, self, op_pin);
}

/* --- memory in use --------------------------------------------------------------------------- */

static long op_touch_for_a_while(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;

	while (until(&deadline))
		sc_touch(child->addr, child->len);
	return 0;
}

/* Page faults must not keep a request from its end: retries are few. */
RACE_TEST(H20_H42_touching_all_the_time)
{
	int round, i;

	for (round = 0; round < rounds(); round++) {
		ASSERT_EQ(0, remake(&self->seg, round));
		for (i = 0; i < MAPPERS; i++)
			sc_send(&self->m[i], op_touch_for_a_while, 0, 0, 0, 0);
		usleep(10000);
		EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 5));
		for (i = 0; i < MAPPERS; i++)
			EXPECT_EQ(0, sc_wait(&self->m[i]));
		self->tries++;
		self->successes += sc_huge_pages(self->seg.addr, self->seg.len) ==
				   (long)(EXTENTS * sc_nr());
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, round, 0));
	}
	EXPECT_EQ(self->tries, self->successes);
}

#define THREADS 2

struct counting {
	char *addr;
	int word;
	uint64_t rounds;
	long lost;
};

/* Counts in a word of its own of every page; whatever was written must still be there. */
static void *count(void *data)
{
	struct counting *c = data;
	uint64_t deadline = sc_now_ns() + 4 * ROUND_NS;
	size_t i;

	while (until(&deadline)) {
		for (i = 0; i < EXTENTS * sc_nr(); i++) {
			uint64_t *word = (uint64_t *)(c->addr + i * sc_page()) + c->word;

			if (__atomic_load_n(word, __ATOMIC_RELAXED) != c->rounds)
				c->lost++;
			__atomic_store_n(word, c->rounds + 1, __ATOMIC_RELAXED);
		}
		c->rounds++;
	}
	return NULL;
}

static long op_count(struct sc_child *child, const long *arg)
{
	struct counting c[THREADS] = {};
	pthread_t thread[THREADS];
	long lost = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		c[i].addr = child->addr;
		c[i].word = arg[0] * THREADS + i;
		if (pthread_create(&thread[i], NULL, count, &c[i]))
			return -1;
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		lost += c[i].lost;
	}
	return lost;
}

RACE_TEST(H32_no_write_is_lost)
{
	int round, i;

	for (round = 0; round < rounds(); round++) {
		uint64_t deadline = 0;

		ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       0, self->seg.len));
		memset(self->seg.addr, 0, self->seg.len);
		for (i = 0; i < MAPPERS; i++)
			sc_send(&self->m[i], op_count, i, 0, 0, 0);
		/* As long as they count, and once on a machine that is slow to begin. */
		do {
			int err = sc_collapse(self->m[0].pid, self->m[0].addr, self->seg.len);

			self->tries++;
			self->successes += !err;
			EXPECT_TRUE(fair_answer(err))
				TH_LOG("%s", strerror(err));
			sc_split(self->seg.addr, self->seg.len);
		} while (until(&deadline));
		for (i = 0; i < MAPPERS; i++)
			EXPECT_EQ(0, sc_wait(&self->m[i]));
	}
	EXPECT_LT(0, self->successes);
}

TEST_HARNESS_MAIN
