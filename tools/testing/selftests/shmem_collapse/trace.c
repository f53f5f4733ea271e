// SPDX-License-Identifier: GPL-2.0
/* The tracepoint shmem_collapse:shmem_collapse_extent. */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#define SC_OWN_FIXTURE
#include "device.h"
#include "fixture.h"

#define INSTANCE	"/sys/kernel/tracing/instances/shmem_collapse_trace"
#define EVENT		INSTANCE "/events/shmem_collapse/shmem_collapse_extent/enable"

struct line {
	unsigned int major, minor, holes, swapped, vmas, pmds, tables;
	unsigned long ino, index;
	unsigned long long ns[5], extents;
	int pid;
	char outcome[32];
};

/* Reads what was traced; returns the number of lines, at most @max are kept. */
static int traced(struct line *lines, int max)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char text[1024], *at;
	int n = 0;

	if (!f)
		return -1;
	while (fgets(text, sizeof(text), f)) {
		struct line l;

		at = strstr(text, "shmem_collapse_extent: ");
		if (!at)
			continue;
		if (sscanf(at, "shmem_collapse_extent: dev=%u:%u ino=%lu index=%lu pid=%d outcome=%31s holes=%u swapped=%u vmas=%u pmds_mapped=%u page_tables_freed=%u gather_ns=%llu unmap_ns=%llu copy_ns=%llu commit_ns=%llu map_ns=%llu extents=%llu",
			   &l.major, &l.minor, &l.ino, &l.index, &l.pid, l.outcome, &l.holes,
			   &l.swapped, &l.vmas, &l.pmds, &l.tables, &l.ns[0], &l.ns[1], &l.ns[2],
			   &l.ns[3], &l.ns[4], &l.extents) != 17)
			n = -1000;
		else if (n >= 0 && n < max)
			lines[n] = l;
		n++;
	}
	fclose(f);
	return n;
}

FIXTURE(trace)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_SETUP(trace)
{
	SC_SETUP();
	mkdir(INSTANCE, 0700);
	ASSERT_EQ(0, sc_write_file(EVENT, "1"));
}

FIXTURE_TEARDOWN(trace)
{
	sc_write_file(EVENT, "0");
	rmdir(INSTANCE);
	SC_TEARDOWN();
}

TEST_F(trace, one_line_for_each_extent)
{
	struct timespec fine;
	struct line l[4];
	struct stat st;
	int i, k;

	ASSERT_EQ(0, clock_getres(CLOCK_MONOTONIC, &fine));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, fstat(self->seg.fd, &st));
	ASSERT_EQ(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 1));
	ASSERT_EQ(2, traced(l, 4));
	/* One that had to wait comes last. */
	EXPECT_EQ(sc_nr(), l[0].index + l[1].index);
	EXPECT_NE(l[0].index, l[1].index);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(st.st_ino, l[i].ino);
		EXPECT_EQ(minor(st.st_dev), l[i].minor);
		EXPECT_EQ(getpid(), l[i].pid);
		EXPECT_STREQ("collapsed", l[i].outcome);
		EXPECT_EQ(0, l[i].holes);
		EXPECT_EQ(1, l[i].vmas);
		EXPECT_EQ(1, l[i].pmds);
		EXPECT_EQ(1, l[i].tables);
		EXPECT_EQ(1, l[i].extents);
		/* Where the clock only ticks, a step may take no time. */
		for (k = 0; k < 5 && fine.tv_nsec == 1; k++)
			EXPECT_LT(0, l[i].ns[k]);
	}
}

TEST_F(trace, every_outcome_has_its_name)
{
	struct line l[4];

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, madvise(self->seg.addr + sc_extent(), sc_extent(), MADV_REMOVE));
	ASSERT_EQ(ENODATA, sc_collapse(0, self->seg.addr, self->seg.len));
	ASSERT_EQ(0, sc_collapse(0, self->seg.addr, sc_extent()));
	ASSERT_EQ(3, traced(l, 4));
	EXPECT_STREQ("already_huge", l[2].outcome);
	EXPECT_EQ(getpid(), l[2].pid);
	/* Which of the first two ends first depends on whether one had to wait. */
	EXPECT_EQ(1, !strcmp("empty", l[0].outcome) + !strcmp("empty", l[1].outcome));
}

TEST_F(trace, file_requests_have_no_pid)
{
	struct line l[2];

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 1, SC_SEED));
	ASSERT_EQ(0, sc_collapsef("%s", self->seg.path));
	ASSERT_EQ(1, traced(l, 2));
	EXPECT_EQ(0, l[0].pid);
	EXPECT_EQ(0, l[0].index);
}

/* Who asks through the device works alone: kernel threads would work on nobody's account. */
TEST_F(trace, device_requests_have_no_workers)
{
	char text[8192], task[32], *at;
	struct sc_told told;
	struct line l[8];
	int fd, i;

	ASSERT_EQ(0, sc_knob_set_number("workers", sysconf(_SC_NPROCESSORS_ONLN)));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 8, SC_SEED));
	fd = sc_device();
	told = sc_tell(fd, self->seg.addr, self->seg.len);
	close(fd);
	ASSERT_EQ(0, told.err);
	ASSERT_EQ(8, traced(l, 8));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(getpid(), l[i].pid);
	/* A line begins with name and number of the task. */
	ASSERT_EQ(0, sc_read_file(INSTANCE "/trace", text, sizeof(text)));
	snprintf(task, sizeof(task), "-%d ", getpid());
	for (i = 0, at = text; (at = strstr(at, task)); i++, at++)
		;
	EXPECT_EQ(8, i);
}

TEST_F(trace, holes_are_counted)
{
	struct line l[2];

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, madvise(self->seg.addr, 3 * sc_page(), MADV_REMOVE));
	ASSERT_EQ(0, sc_collapse(0, self->seg.addr, self->seg.len));
	ASSERT_EQ(1, traced(l, 2));
	EXPECT_EQ(3, l[0].holes);
}

/* A stretch of holes is one event, another outcome ends it. */
TEST_F(trace, a_stretch_of_holes_is_one_line)
{
	struct line l[8];

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 8, SC_SEED));
	ASSERT_EQ(0, madvise(self->seg.addr, 3 * sc_extent(), MADV_REMOVE));
	ASSERT_EQ(0, madvise(self->seg.addr + 4 * sc_extent(), 4 * sc_extent(), MADV_REMOVE));
	ASSERT_EQ(ENODATA, sc_collapse(0, self->seg.addr, self->seg.len));
	ASSERT_EQ(3, traced(l, 8));
	EXPECT_STREQ("empty", l[0].outcome);
	EXPECT_EQ(0, l[0].index);
	EXPECT_EQ(3, l[0].extents);
	EXPECT_EQ(8, l[0].extents + l[1].extents + l[2].extents);
	EXPECT_GROWN(8, "extents");
	EXPECT_GROWN(7, "failed_empty");
	EXPECT_GROWN(1, "collapsed");
}

TEST_F(trace, nothing_while_it_is_off)
{
	struct line l[1];

	ASSERT_EQ(0, sc_write_file(EVENT, "0"));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_collapse(0, self->seg.addr, self->seg.len));
	EXPECT_EQ(0, traced(l, 1));
}

TEST_HARNESS_MAIN
