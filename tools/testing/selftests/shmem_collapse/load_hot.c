// SPDX-License-Identifier: GPL-2.0
/*
 * Requests for one extent that everybody is at: threads read one page of it through the file, drop
 * and touch it in a mapping that keeps its table, and a device takes pages of it and gives them
 * back. Such an extent may stay small for as long as that lasts, see Decisions in engine.rst. What
 * is written through the device is in the file, and nobody loses a mapping.
 */
#define LOADERS		3
#define EXTENTS		1
#define COLLAPSES	100
#include "load.h"

#include <fcntl.h>
#include <pthread.h>

#define THREADS		8
#define HOT		17	/* the page that is read */
#define DEVICE		2	/* who takes pages for it */

static void *read_a_page(void *unused)
{
	char *buf = malloc(sc_page());

	while (buf && pread(shared->fd, buf, sc_page(), HOT * sc_page()) == (ssize_t)sc_page()) {
		turn(0);
		usleep(1000);
	}
	return NULL;
}

/* Misaligned, so that the table stays. */
static char *elsewhere;

static void *drop_and_touch(void *unused)
{
	char *page = elsewhere + HOT * sc_page();

	while (!madvise(page, sc_page(), MADV_DONTNEED)) {
		sc_touch(page, sc_page());
		turn(1);
		usleep(1000);
	}
	return NULL;
}

static void run_threads(void *(*what)(void *))
{
	pthread_t thread[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, what, NULL))
			_exit(1);
	pthread_join(thread[0], NULL);
	_exit(1);
}

/*
 * Writes what is in the file there, after something else, and looks at it in the file. Ends by
 * itself, when what was there is there again.
 */
static void take_and_give(void)
{
	size_t page = HOT, len = sc_page();
	char *old = malloc(len), *seen = malloc(len), *there;
	int buf;

	while (old && seen && !__atomic_load_n(&load->stop, __ATOMIC_RELAXED)) {
		buf = sc_udmabuf(shared, page, 1);
		if (buf < 0)
			_exit(1);
		there = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
		if (there == MAP_FAILED)
			_exit(1);
		memcpy(old, there, len);
		memset(there, 0xa5, len);
		if (pread(shared->fd, seen, len, page * len) != (ssize_t)len ||
		    memcmp(seen, there, len))
			_exit(2);
		memcpy(there, old, len);
		if (pread(shared->fd, seen, len, page * len) != (ssize_t)len ||
		    memcmp(seen, old, len))
			_exit(3);
		munmap(there, len);
		close(buf);
		turn(2);
		page = (page + 1) % sc_nr();
		usleep(5000);
	}
	_exit(old && seen ? 0 : 1);
}

static void make_hot(int nr)
{
	if (nr == 0)
		run_threads(read_a_page);
	else if (nr == 1)
		run_threads(drop_and_touch);
	else
		take_and_give();
}

static void map_elsewhere(struct __test_metadata *_metadata)
{
	char *at = sc_reserve(shared->len + sc_extent(), 0) + sc_page();

	elsewhere = mmap(at, shared->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 shared->fd, 0);
	ASSERT_NE(MAP_FAILED, elsewhere);
}

/* Answers but for those that are true of such an extent. */
static unsigned long long other_failures(struct _test_data_load *self)
{
	return sc_grown(&self->before, "failed") - sc_grown(&self->before, "failed_lru") -
	       sc_grown(&self->before, "failed_locked") - sc_grown(&self->before, "failed_pinned");
}

static void ask_for_hot(struct __test_metadata *_metadata, struct _test_data_load *self, int loaders)
{
	unsigned long rounds = collapses();
	int i;

	map_elsewhere(_metadata);
	start_load(self, loaders, make_hot);
	while (rounds-- && !_metadata->exit_code) {
		ASSERT_ERRNO(0, split(self, 0));
		self->first += ask_once(_metadata, self, &self->tried);
	}
	for (i = 0; i < loaders; i++) {
		EXPECT_EQ(0, waitpid(self->loader[i], NULL, WNOHANG))
			TH_LOG("load %d has ended", i);
		EXPECT_LT(0, load->turns[i]);
	}
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	if (loaders == LOADERS) {
		EXPECT_EQ(0, sc_join(self->loader[DEVICE]));
		self->loader[DEVICE] = -1;
	}
	stop_load(self->loader);
	self->tried += self->first;
	EXPECT_EQ(0, other_failures(self));
	expect_mapped(_metadata, self, 0);
	expect_all_huge(_metadata, self, 0);
	expect_right(_metadata, self);
}

LOAD_TEST(hot_extent)
{
	ask_for_hot(_metadata, self, 2);
}

LOAD_TEST(hot_extent_and_a_device)
{
	if (!sc_has_udmabuf())
		SKIP(return, "/dev/udmabuf: %s", strerror(errno));
	ASSERT_EQ(0, sc_udmabuf_seal(&self->seg));
	ask_for_hot(_metadata, self, 3);
}

TEST_HARNESS_MAIN
