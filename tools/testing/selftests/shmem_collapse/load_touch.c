// SPDX-License-Identifier: GPL-2.0
/*
 * Requests beside threads that touch the memory all the time, in each kind of mapping: vmas.rst has
 * a row for each.
 */
#define EXTENTS		1
#define COLLAPSES	100
#include "load.h"
#include "view.h"

#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define TOUCHERS	LOADERS	/* of the mappers */
#define THREADS		2	/* of each, and one more for events */
#define WRITTEN		5	/* the page that is written where that is tracked */

/* --- kinds of mappings that nothing has to be prepared for ------------------------------------- */

static int make_locked(const struct sc_segment *seg, struct view *view)
{
	return make_aligned(seg, view) ?: (mlock(view->addr, view->len) ? errno : 0);
}

static int make_clean(const struct sc_segment *seg, struct view *view)
{
	return map(seg, view, 0, MAP_PRIVATE);
}

static int make_read_only(const struct sc_segment *seg, struct view *view)
{
	return make_aligned(seg, view) ?: (mprotect(view->addr, view->len, PROT_READ) ? errno : 0);
}

static int make_disabled(const struct sc_segment *seg, struct view *view)
{
	return make_aligned(seg, view) ?: (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) ? errno : 0);
}

static int make_moved(const struct sc_segment *seg, struct view *view)
{
	int err = make_aligned(seg, view);
	char *to = sc_reserve(view->len + sc_extent(), 0);

	if (err || to == MAP_FAILED)
		return ENOMEM;
	sc_touch(view->addr, view->len);
	view->addr = mremap(view->addr, view->len, view->len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return view->addr == MAP_FAILED ? errno : 0;
}

static int make_keyed(const struct sc_segment *seg, struct view *view)
{
	int err = make_aligned(seg, view), key = syscall(SYS_pkey_alloc, 0, 0);

	if (err || key < 0)
		return ENOTSUP;
	return syscall(SYS_pkey_mprotect, view->addr, view->len, PROT_READ | PROT_WRITE, key) ?
	       errno : 0;
}

/* Every page is there, so that no event comes. */
static int make_missing(const struct sc_segment *seg, struct view *view)
{
	int err = make_aligned(seg, view);

	if (err)
		return err;
	view->uffd = sc_uffd_watch(0, view->addr, view->len, UFFDIO_REGISTER_MODE_MISSING);
	return view->uffd < 0 ? errno : 0;
}

static int make_poisoned(const struct sc_segment *seg, struct view *view)
{
	struct uffdio_poison poison = {};
	int err = make_aligned(seg, view);

	if (err)
		return err;
	view->uffd = sc_uffd_watch(UFFD_FEATURE_POISON, view->addr, view->len,
				   UFFDIO_REGISTER_MODE_MISSING);
	poison.range.start = (unsigned long)page_of(view, FOREIGN);
	poison.range.len = sc_page();
	return view->uffd < 0 || ioctl(view->uffd, UFFDIO_POISON, &poison) ? errno : 0;
}

/* Each first touch of a page is an event. */
static int make_minor(const struct sc_segment *seg, struct view *view)
{
	int err = make_aligned(seg, view);

	if (err)
		return err;
	view->uffd = sc_uffd_watch(UFFD_FEATURE_MINOR_SHMEM, view->addr, view->len,
				   UFFDIO_REGISTER_MODE_MINOR);
	return view->uffd < 0 ? errno : 0;
}

/* --- threads that touch ------------------------------------------------------------------------ */

static struct view view;
static pthread_t threads[THREADS + 1];
static long self_nr;

static bool go_on(void)
{
	return !__atomic_load_n(&load->stop, __ATOMIC_RELAXED);
}

static void *touch_all_the_time(void *writes)
{
	size_t page = 0, pages = view.len / sc_page();

	while (go_on()) {
		uint64_t *word = (uint64_t *)page_of(&view, page);

		if (held())
			continue;
		if (page == FOREIGN)
			;
		else if (writes && page % 8 == 0)
			__atomic_fetch_or(word, 0, __ATOMIC_RELAXED);
		else
			__atomic_load_n(word, __ATOMIC_RELAXED);
		page = (page + 1) % pages;
		if (!page)
			turn(self_nr);
	}
	return NULL;
}

/* Lets those go on that wait at a page which is in the file. */
static void *serve_minor_events(void *unused)
{
	struct pollfd p = { .fd = view.uffd, .events = POLLIN };
	struct uffd_msg msg;

	while (go_on()) {
		struct uffdio_continue resolve = { .range.len = sc_page() };

		if (poll(&p, 1, 20) != 1 || read(view.uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		resolve.range.start = msg.arg.pagefault.address & -sc_page();
		/* Somebody else may have mapped it. */
		if (ioctl(view.uffd, UFFDIO_CONTINUE, &resolve))
			ioctl(view.uffd, UFFDIO_WAKE, &resolve.range);
	}
	return NULL;
}

/* make, number, whether to write -> the errno of what the kernel does not have */
static long op_begin(struct sc_child *child, const long *arg)
{
	int (*make)(const struct sc_segment *, struct view *) = (void *)arg[0];
	int err, i;

	self_nr = arg[1];
	view = (struct view){ .len = child->len, .uffd = -1 };
	err = make(shared, &view);
	for (i = 0; i < THREADS && !err; i++)
		err = pthread_create(&threads[i], NULL, touch_all_the_time, arg[2] ? &view : NULL);
	if (!err && make == make_minor)
		err = pthread_create(&threads[i], NULL, serve_minor_events, NULL);
	return err;
}

/* From here on one page is written that nobody writes again. */
static long op_track(struct sc_child *child, const long *arg)
{
	if (sc_write_file("/proc/self/clear_refs", "4"))
		return -1;
	sc_fill_page(page_of(&view, WRITTEN), SC_SEED, view.index + WRITTEN);
	return sc_soft_dirty(getpid(), page_of(&view, WRITTEN));
}

static long op_is_dirty(struct sc_child *child, const long *arg)
{
	return sc_soft_dirty(getpid(), page_of(&view, WRITTEN));
}

/* -> faults of a first touch after the threads have been told to stop, or -1 if a page is wrong */
static long op_end(struct sc_child *child, const long *arg)
{
	long taken;
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	taken = faults(&view);
	return wrong_pages(&view) ? -1 : taken;
}

/* --- the tests ----------------------------------------------------------------------------------- */

FIXTURE_VARIANT(load)
{
	int (*make)(const struct sc_segment *seg, struct view *view);
	bool reads;	/* nothing may be written there, or it would be a copy, or refused */
	bool tracked;	/* by soft-dirty bits */
};

FIXTURE_VARIANT_ADD(load, aligned) { .make = make_aligned };
FIXTURE_VARIANT_ADD(load, locked) { .make = make_locked };
FIXTURE_VARIANT_ADD(load, keyed) { .make = make_keyed };
FIXTURE_VARIANT_ADD(load, moved) { .make = make_moved };
FIXTURE_VARIANT_ADD(load, refused) { .make = make_refused };
FIXTURE_VARIANT_ADD(load, disabled) { .make = make_disabled };
FIXTURE_VARIANT_ADD(load, guarded) { .make = make_guarded };
FIXTURE_VARIANT_ADD(load, missing) { .make = make_missing };
FIXTURE_VARIANT_ADD(load, minor) { .make = make_minor };
FIXTURE_VARIANT_ADD(load, poisoned) { .make = make_poisoned };
FIXTURE_VARIANT_ADD(load, watched) { .make = make_watched };
FIXTURE_VARIANT_ADD(load, misaligned) { .make = make_misaligned };
FIXTURE_VARIANT_ADD(load, half) { .make = make_half };
FIXTURE_VARIANT_ADD(load, rest) { .make = make_rest };
FIXTURE_VARIANT_ADD(load, pieces) { .make = make_pieces, .reads = true };
FIXTURE_VARIANT_ADD(load, read_only) { .make = make_read_only, .reads = true };
FIXTURE_VARIANT_ADD(load, clean) { .make = make_clean, .reads = true };
FIXTURE_VARIANT_ADD(load, private) { .make = make_private, .reads = true };
FIXTURE_VARIANT_ADD(load, tracked) { .make = make_aligned, .reads = true, .tracked = true };
FIXTURE_VARIANT_ADD(load, tracked_misaligned)
{
	.make = make_misaligned,
	.reads = true,
	.tracked = true,
};

/* Until both have touched every page once more. */
static void wait_for_touches(void)
{
	int i;

	for (i = 0; i < TOUCHERS; i++) {
		unsigned long now = __atomic_load_n(&load->turns[i], __ATOMIC_RELAXED);

		/* One of the threads has ended twice. */
		while (__atomic_load_n(&load->turns[i], __ATOMIC_RELAXED) < now + THREADS + 1)
			usleep(100);
	}
}

/* One round: everything is mapped by everybody when the request begins. */
static void one_round(struct __test_metadata *_metadata, struct _test_data_load *self, bool tracked)
{
	int i;

	ASSERT_ERRNO(0, split(self, 0));
	wait_for_touches();
	for (i = 0; i < TOUCHERS && tracked; i++)
		ASSERT_EQ(1, sc_call(&self->m[i], op_track, 0, 0, 0, 0));
	ask(_metadata, self);
	for (i = 0; i < TOUCHERS && tracked; i++)
		EXPECT_EQ(1, sc_call(&self->m[i], op_is_dirty, 0, 0, 0, 0));
}

LOAD_TEST(touching_threads)
{
	unsigned long rounds = 4 * collapses();
	int i;

	for (i = 0; i < TOUCHERS; i++)
		if (sc_call(&self->m[i], op_begin, (long)variant->make, i, !variant->reads, 0))
			SKIP(return, "such a mapping cannot be made here");
	while (self->tried < collapses() && rounds-- && !_metadata->exit_code)
		one_round(_metadata, self, variant->tracked);
	EXPECT_LE(collapses(), self->tried);
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < TOUCHERS; i++)
		EXPECT_EQ(0, sc_call(&self->m[i], op_end, 0, 0, 0, 0));
	expect_mapped(_metadata, self, 0);
	expect_all_huge(_metadata, self, 0);
	expect_right(_metadata, self);
	EXPECT_EQ(0, self->left);
}

TEST_HARNESS_MAIN
