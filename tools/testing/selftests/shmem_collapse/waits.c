// SPDX-License-Identifier: GPL-2.0
/*
 * System calls that hold one page of an extent and need another: a file is read into its own
 * mapping, pages are taken all at once. A request that kept its entries while it waits for them
 * would wait for ever, and they for it.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"
#include "view.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>

#define PAGES	64	/* that are taken at a time */

FIXTURE(waits)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct view view;
	pthread_t thread[3];
	int started;
};

FIXTURE_VARIANT(waits)
{
	int (*make)(const struct sc_segment *seg, struct view *view);
};

FIXTURE_VARIANT_ADD(waits, aligned) { .make = make_aligned };
FIXTURE_VARIANT_ADD(waits, misaligned) { .make = make_misaligned };
FIXTURE_VARIANT_ADD(waits, half) { .make = make_half };
FIXTURE_VARIANT_ADD(waits, refused) { .make = make_refused };
FIXTURE_VARIANT_ADD(waits, guarded) { .make = make_guarded };
FIXTURE_VARIANT_ADD(waits, private) { .make = make_private };
FIXTURE_VARIANT_ADD(waits, watched) { .make = make_watched };

/* Of the one test that this process runs. */
static struct sc_segment *seg;
static struct view *view;
static int device = -1;		/* a zram of the test's own */
static bool stop;
static unsigned long turns[3], refused;

static bool go_on(void)
{
	return !__atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* Counts what a call has done, or that it was refused. And pauses, or an extent would be hot. */
static void count(int nr, ssize_t done, size_t expected)
{
	__atomic_add_fetch(done == (ssize_t)expected ? &turns[nr] : &refused, 1, __ATOMIC_RELAXED);
	usleep(10000);
}

/* The two halves of the mapping have the same pages, so that nothing changes. */
static size_t twin(size_t page)
{
	size_t half = view->len / sc_page() / 2;

	return page < half ? page + half : page - half;
}

static size_t next_page(size_t page)
{
	page = (page * 5 + 3) % (view->len / sc_page());
	return page == FOREIGN ? page + 1 : page;
}

static void *read_into_itself(void *unused)
{
	size_t page = 17;

	for (; go_on(); page = next_page(page))
		count(0, pread(seg->fd, page_of(view, page), sc_page(), twin(page) * sc_page()),
		      sc_page());
	return NULL;
}

static void *take_many(void *unused)
{
	struct iovec here = { .iov_len = PAGES * sc_page() }, there = here;
	size_t step = FOREIGN + 1;

	here.iov_base = malloc(here.iov_len);
	for (; here.iov_base && go_on(); step = step == FOREIGN + 1 ? 130 : FOREIGN + 1) {
		there.iov_base = page_of(view, step);
		count(1, process_vm_readv(getpid(), &here, 1, &there, 1, 0), here.iov_len);
	}
	free(here.iov_base);
	return NULL;
}

static void *write_and_read(void *unused)
{
	size_t len = PAGES * sc_page();
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/zram%d", device);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	while (fd >= 0 && go_on()) {
		count(2, pwrite(fd, page_of(view, FOREIGN + 1), len, 0), len);
		count(2, pread(fd, page_of(view, FOREIGN + 1), len, 0), len);
	}
	close(fd);
	return NULL;
}

FIXTURE_SETUP(waits)
{
	size_t page;

	SC_SETUP();
	self->view.uffd = -1;
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->seg.addr);
	self->view.len = self->seg.len;
	seg = &self->seg;
	view = &self->view;
	if (variant->make(seg, view))
		SKIP(return, "such a mapping cannot be made here");
	for (page = 0; page < sc_nr(); page++)
		sc_fill_page(seg->addr + page * sc_page(), SC_SEED,
			     page % (view->len / sc_page() / 2));
	device = sc_zram_add();
}

FIXTURE_TEARDOWN(waits)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	while (self->started)
		pthread_join(self->thread[--self->started], NULL);
	sc_zram_remove(device);
	if (self->view.addr)
		munmap(self->view.addr, self->view.len);
	if (self->view.uffd >= 0)
		close(self->view.uffd);
	SC_TEARDOWN();
}

static size_t wrong(const char *at, size_t pages)
{
	size_t page, bad = 0;

	for (page = 0; page < pages; page++)
		bad += page != FOREIGN && !sc_page_is(at + page * sc_page(), SC_SEED,
						      page % (view->len / sc_page() / 2));
	return bad;
}

/* Patience is long, so that a request and a call that wait for each other are noticed. */
TEST_F_TIMEOUT(waits, who_waits_for_whom, SC_TIMEOUT)
{
	void *(*const what[])(void *) = { read_into_itself, take_many, write_and_read };
	int rounds = sc_brief() ? 5 : 20, threads = device < 0 ? 2 : 3, i;

	ASSERT_EQ(0, sc_knob_set("patience_ms", "60000"));
	for (; self->started < threads; self->started++)
		ASSERT_EQ(0, pthread_create(&self->thread[self->started], NULL,
					    what[self->started], NULL));
	for (i = 0; i < rounds; i++) {
		unsigned long now = __atomic_load_n(&turns[0], __ATOMIC_RELAXED);

		sc_split(self->seg.addr, self->seg.len);
		/* They are at it again. */
		while (__atomic_load_n(&turns[0], __ATOMIC_RELAXED) < now + 3)
			usleep(100);
		EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	while (self->started)
		pthread_join(self->thread[--self->started], NULL);
	TH_LOG("reads into itself %lu, of many pages %lu, O_DIRECT %lu", turns[0], turns[1],
	       turns[2]);
	for (i = 0; i < threads; i++)
		EXPECT_LT(0, turns[i]);
	EXPECT_EQ(0, refused);
	EXPECT_EQ(0, wrong(self->seg.addr, sc_nr()));
	EXPECT_EQ(0, wrong(self->view.addr, self->view.len / sc_page()));
}

TEST_HARNESS_MAIN
