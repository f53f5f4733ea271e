// SPDX-License-Identifier: GPL-2.0
/*
 * How often a request takes i_mmap_rwsem. Each time it may wait for whoever maps or unmaps the file,
 * and most of the times others wait for the request meanwhile. On a kernel with lockdep only.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/sc_rmap_lock"
#define EVENT		INSTANCE "/events/lock/lock_acquire"

static int events_open(void)
{
	if (access(TRACING "/events", F_OK) && mount("tracefs", TRACING, "tracefs", 0, NULL))
		return errno;
	if (access(TRACING "/events/lock/lock_acquire", F_OK))
		return ENOENT;
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return errno;
	return sc_write_file(INSTANCE "/tracing_on", "0") ?:
	       sc_write_file(INSTANCE "/buffer_size_kb", "2048") ?:
	       sc_write_file(EVENT "/filter", "name ~ \"*i_mmap_rwsem*\"") ?:
	       sc_write_file(EVENT "/enable", "1");
}

static void events_close(void)
{
	sc_write_file(EVENT "/enable", "0");
	rmdir(INSTANCE);
}

/* How often @pid took the lock. */
static int taken_by(pid_t pid)
{
	char line[512], mark[24];
	FILE *f = fopen(INSTANCE "/trace", "re");
	int taken = 0;

	if (!f)
		return -1;
	snprintf(mark, sizeof(mark), "-%d ", pid);
	while (fgets(line, sizeof(line), f))
		taken += line[0] != '#' && strstr(line, mark) && strstr(line, "lock_acquire:");
	fclose(f);
	return taken;
}

/* Asks for the first extent in a process that does nothing else; how often that took the lock. */
static int request(const struct sc_segment *seg)
{
	char text[192];
	pid_t pid;

	snprintf(text, sizeof(text), "%s,0,%zu", seg->path, sc_nr());
	pid = sc_fork();
	if (!pid) {
		int fd = open(SC_DIR "/collapse", O_WRONLY | O_CLOEXEC);

		/* Opening for truncation is what empties the buffer. */
		if (fd < 0 || open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC) < 0 ||
		    sc_write_file(INSTANCE "/tracing_on", "1"))
			_exit(1);
		if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
			_exit(1);
		_exit(!!sc_write_file(INSTANCE "/tracing_on", "0"));
	}
	return sc_join(pid) ? -1 : taken_by(pid);
}

#define NO_EVENTS "no lock events here"

/* To take the pages out of every table, and to map the huge one. */
SC_TEST(twice_for_a_full_extent)
{
	if (events_open())
		SKIP(return, NO_EVENTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	EXPECT_EQ(2, request(&self->seg));
	EXPECT_GROWN(1, "collapsed");
	events_close();
}

/* Who waits for a missing page is asked for before and at the commit; from there it is kept. */
SC_TEST(three_times_for_one_with_holes)
{
	if (events_open())
		SKIP(return, NO_EVENTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			       sc_page()));
	EXPECT_EQ(3, request(&self->seg));
	EXPECT_GROWN(1, "collapsed");
	events_close();
}

/* Nobody has it in small pieces: one look says so. */
SC_TEST(once_for_a_huge_one)
{
	if (events_open())
		SKIP(return, NO_EVENTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_ERRNO(0, sc_collapsef("%s,0,%zu", self->seg.path, sc_nr()));
	EXPECT_EQ(1, request(&self->seg));
	EXPECT_GROWN(1, "already_huge");
	events_close();
}

/* Pages are copied without the lock where none is missing. */
SC_TEST(others_map_and_unmap_meanwhile)
{
	char *view;
	pid_t pid;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	pid = OPEN_WINDOW("copied");
	/* Both take the lock for writing. */
	view = sc_map(self->seg.fd, self->seg.len, PROT_READ, MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, view);
	munmap(view, self->seg.len);
	EXPECT_TRUE(sc_delay_waiting("copied"));
	EXPECT_ERRNO(0, sc_window_close(pid, "copied"));
	EXPECT_GROWN(1, "collapsed");
}

TEST_HARNESS_MAIN
