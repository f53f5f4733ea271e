// SPDX-License-Identifier: GPL-2.0
/* What a request costs depends on what is there, not on what could be. */
#include <fcntl.h>
#include <sys/stat.h>

#define SC_OWN_FIXTURE
#include "device.h"
#include "fixture.h"

#define INSTANCE	"/sys/kernel/tracing/instances/shmem_collapse_sparse"
#define EVENT		INSTANCE "/events/shmem_collapse/shmem_collapse_extent/enable"

#define PAGES		17
#define EXTENTS		(1ul << 20)
/* Extents looked at: those with a page, and one in each stretch without. */
#define MOST		100

FIXTURE(sparse)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_SETUP(sparse)
{
	SC_SETUP();
	mkdir(INSTANCE, 0700);
	ASSERT_EQ(0, sc_write_file(EVENT, "1"));
}

FIXTURE_TEARDOWN(sparse)
{
	sc_write_file(EVENT, "0");
	rmdir(INSTANCE);
	SC_TEARDOWN();
}

struct traced {
	int events;
	unsigned long long extents;	/* the sum of what they stand for */
};

static struct traced traced(void)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	struct traced t = { 0 };
	char text[1024], *at;

	while (f && fgets(text, sizeof(text), f)) {
		at = strstr(text, " extents=");
		if (!strstr(text, "shmem_collapse_extent: "))
			continue;
		t.events++;
		if (at)
			t.extents += strtoull(at + 9, NULL, 10);
	}
	if (f)
		fclose(f);
	return t;
}

static size_t place(int i)
{
	return i * (EXTENTS / PAGES);
}

/* A file of so many extents in which every so many-th has one page. */
static int make(struct sc_segment *seg)
{
	int i;

	if (sc_create(seg, SC_TMPFS, 1) || ftruncate(seg->fd, EXTENTS * sc_extent()))
		return -1;
	seg->len = EXTENTS * sc_extent();
	for (i = 0; i < PAGES; i++)
		if (pwrite(seg->fd, "x", 1, place(i) * sc_extent()) != 1)
			return -1;
	return 0;
}

#define EXPECT_SHORT(all) do { \
	struct traced __t = traced(); \
	EXPECT_LE(__t.events, MOST); \
	EXPECT_LE(2 * PAGES - 1, __t.events); \
	EXPECT_EQ((unsigned long long)(all), __t.extents); \
	EXPECT_GROWN(all, "extents"); \
	EXPECT_GROWN(PAGES, "collapsed"); \
	EXPECT_GROWN((all) - PAGES, "failed_empty"); \
	EXPECT_GROWN((all) - PAGES, "failed"); \
} while (0)

#define TOO_LARGE "the extents of this machine are too large for such a file"

static bool too_large(void)
{
	return sc_extent() > 4ul << 20;
}

TEST_F(sparse, by_path)
{
	if (too_large())
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, make(&self->seg));
	EXPECT_ERRNO(ENODATA, sc_collapsef("%s", self->seg.path));
	EXPECT_SHORT(EXTENTS);
}

TEST_F(sparse, by_path_with_workers)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(0, sc_knob_set_number("workers", 2));
	if (too_large())
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, make(&self->seg));
	EXPECT_ERRNO(ENODATA, sc_collapsef("%s", self->seg.path));
	EXPECT_SHORT(EXTENTS);
}

/* As long as a file can be; the last extent is not a whole one. */
TEST_F(sparse, longest_file)
{
	unsigned long long all = (unsigned long long)INT64_MAX / sc_extent();

	ASSERT_EQ(0, sc_create(&self->seg, SC_TMPFS, 1));
	ASSERT_EQ(0, ftruncate(self->seg.fd, INT64_MAX));
	ASSERT_EQ(1, pwrite(self->seg.fd, "x", 1, 5 * sc_extent()));
	EXPECT_ERRNO(ENODATA, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(3, traced().events);
	EXPECT_GROWN(1, "collapsed");
	EXPECT_LE(all, sc_grown(&self->before, "extents"));
	EXPECT_GE(all + 2, sc_grown(&self->before, "extents"));
	EXPECT_EQ(traced().extents, sc_grown(&self->before, "extents"));
}

TEST_F(sparse, part_by_path)
{
	if (too_large())
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, make(&self->seg));
	/* From the middle of the first stretch on. */
	EXPECT_ERRNO(ENODATA, sc_collapsef("%s,%zu,%zu", self->seg.path, 2 * sc_nr(),
					   EXTENTS * sc_nr()));
	EXPECT_LE(traced().events, MOST);
	EXPECT_GROWN(EXTENTS - 2, "extents");
	EXPECT_GROWN(PAGES - 1, "collapsed");
	EXPECT_EQ(traced().extents, EXTENTS - 2);
}

#define NO_ROOM "no room for such a mapping"

/* Maps all of it; false if there is no room for that. */
static bool map_all_of(struct sc_segment *seg)
{
	seg->addr = sc_map(seg->fd, seg->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			   0);
	if (seg->addr != MAP_FAILED)
		return true;
	seg->addr = NULL;
	return false;
}

TEST_F(sparse, by_addresses)
{
	if (too_large())
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, make(&self->seg));
	if (!map_all_of(&self->seg))
		SKIP(return, NO_ROOM);
	EXPECT_ERRNO(ENODATA, sc_collapse(0, self->seg.addr, self->seg.len));
	EXPECT_SHORT(EXTENTS);
}

TEST_F(sparse, by_process)
{
	if (too_large())
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, make(&self->seg));
	if (!map_all_of(&self->seg))
		SKIP(return, NO_ROOM);
	EXPECT_ERRNO(ENODATA, sc_collapsef("%d", getpid()));
	EXPECT_SHORT(EXTENTS);
}

TEST_F(sparse, by_device)
{
	struct shmem_collapse_range range;
	uint32_t *outcome;
	size_t i, wrong = 0;
	int fd, next = 0;

	if (too_large())
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, make(&self->seg));
	if (!map_all_of(&self->seg))
		SKIP(return, NO_ROOM);
	outcome = malloc(EXTENTS * sizeof(*outcome));
	ASSERT_NE(NULL, outcome);
	memset(outcome, 0xff, EXTENTS * sizeof(*outcome));
	range = (struct shmem_collapse_range) {
		.addr = (uintptr_t)self->seg.addr,
		.len = self->seg.len,
		.outcomes = (uintptr_t)outcome,
		.nr_outcomes = EXTENTS - 1,
	};
	fd = sc_device();
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(ENODATA, sc_device_raw(fd, &range));
	close(fd);
	EXPECT_EQ(EXTENTS, range.nr_outcomes);
	for (i = 0; i < EXTENTS - 1; i++) {
		bool page = next < PAGES && i == place(next);

		next += page;
		wrong += outcome[i] != (page ? SHMEM_COLLAPSE_COLLAPSED : SHMEM_COLLAPSE_EMPTY);
	}
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(PAGES, next);
	/* There was no room for it. */
	EXPECT_EQ(UINT32_MAX, outcome[EXTENTS - 1]);
	free(outcome);
	EXPECT_SHORT(EXTENTS);
}

/* Addresses where nothing is, or nothing of ours, are a stretch like any other. */
TEST_F(sparse, nothing_mapped)
{
	size_t len = EXTENTS * sc_extent();
	char *addr = sc_map(-1, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);

	if (addr == MAP_FAILED)
		SKIP(return, "no room for such a range");
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapse(0, addr, len));
	EXPECT_GE(2, traced().events);
	EXPECT_GROWN(EXTENTS, "failed_not_shmem");
	munmap(addr, len);
	EXPECT_ERRNO(ENOMEM, sc_collapse(0, addr, len));
	EXPECT_GE(8, traced().events);
	EXPECT_GROWN(EXTENTS, "failed_unmapped");
}

/* What is in swap is there; so are pages that were only reserved. */
TEST_F(sparse, swapped_and_reserved)
{
	const char *reason;
	char *addr;

	if (too_large())
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, make(&self->seg));
	ASSERT_EQ(0, fallocate(self->seg.fd, 0, 3 * sc_extent(), sc_page()));
	addr = sc_map(self->seg.fd, sc_extent(), PROT_READ | PROT_WRITE, MAP_SHARED,
		      place(1) * sc_extent());
	ASSERT_NE(MAP_FAILED, addr);
	EXPECT_EQ('x', *addr);
	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	if (sc_swap_out(addr, sc_page()) != 1)
		SKIP(return, "the page is not swapped out");
	EXPECT_ERRNO(ENODATA, sc_collapsef("%s", self->seg.path));
	EXPECT_LE(traced().events, MOST);
	EXPECT_GROWN(PAGES + 1, "collapsed");
	EXPECT_GROWN(1, "pages_swapped_in");
	EXPECT_EQ('x', *addr);
	munmap(addr, sc_extent());
}

TEST_HARNESS_MAIN
