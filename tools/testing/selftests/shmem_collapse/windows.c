// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that change while a request waits between two steps. On a debug kernel only; race.c
 * tries its luck on every kernel.
 */
#include "fixture.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define MAPPERS 4

/* Two filled extents with one mapping, of the given kind, in this process. */
static int one_mapping(struct sc_segment *seg, int flags)
{
	int err = sc_create_filled(seg, SC_MEMFD, 2, SC_SEED);

	if (err || flags == MAP_SHARED)
		return err;
	munmap(seg->addr, seg->len);
	seg->addr = sc_map(seg->fd, seg->len, PROT_READ | PROT_WRITE, flags, 0);
	if (seg->addr == MAP_FAILED)
		return errno;
	return sc_verify(seg->addr, seg->len, SC_SEED, 0) ? EIO : 0;
}

/* --- between the look at a VMA and the locks of its table ------------------------------------- */

/* Flags are looked at again: nothing in this table tells that the VMA has pages of its own now. */
SC_TEST(H22_private_copy_in_the_other_extent)
{
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_PRIVATE));
	writer = OPEN_WINDOW("taking");
	sc_fill_page(self->seg.addr + sc_extent(), 9, 9);
	EXPECT_ERRNO(0, sc_window_close(writer, "taking"));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
	EXPECT_TRUE(sc_page_is(self->seg.addr + sc_extent(), 9, 9));
}

SC_TEST(H17_private_copy_in_this_extent)
{
	pid_t writer;
	char *page;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_PRIVATE));
	page = self->seg.addr + 5 * sc_page();
	writer = OPEN_WINDOW("taking");
	sc_fill_page(page, 9, 9);
	EXPECT_ERRNO(0, sc_window_close(writer, "taking"));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_TRUE(sc_page_is(page, 9, 9));
	EXPECT_EQ(0, sc_verify(page + sc_page(), sc_extent() - 6 * sc_page(), SC_SEED, 6));
}

/* The guard flag is set under the VMA's read lock, which nothing here excludes. */
SC_TEST(H4_guard_page_in_this_extent)
{
	pid_t writer, reader;
	char *page;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_SHARED));
	page = self->seg.addr + 5 * sc_page();
	writer = OPEN_WINDOW("taking");
	ASSERT_EQ(0, madvise(page, sc_page(), MADV_GUARD_INSTALL));
	EXPECT_ERRNO(0, sc_window_close(writer, "taking"));
	reader = sc_fork();
	if (!reader)
		_exit(!__atomic_load_n(page, __ATOMIC_RELAXED));
	EXPECT_EQ(-SIGSEGV, sc_join(reader));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, 5 * sc_page(), SC_SEED, 0));
	EXPECT_EQ(0, sc_verify(page + sc_page(), sc_extent() - 6 * sc_page(), SC_SEED, 6));
}

SC_TEST(H4_guard_page_in_the_other_extent)
{
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_SHARED));
	writer = OPEN_WINDOW("taking");
	ASSERT_EQ(0, madvise(self->seg.addr + sc_extent(), sc_page(), MADV_GUARD_INSTALL));
	EXPECT_ERRNO(0, sc_window_close(writer, "taking"));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
}

/* The page that UFFDIO_COPY puts in is nobody's but this mapping's. */
SC_TEST(H1_page_copied_in)
{
	struct uffdio_copy copy = { .len = sc_page() };
	char *page, *source;
	pid_t writer;
	int fd;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_PRIVATE));
	page = self->seg.addr + 5 * sc_page();
	source = mmap(NULL, sc_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sc_fill_page(source, 9, 9);
	ASSERT_EQ(0, madvise(page, sc_page(), MADV_DONTNEED));
	writer = OPEN_WINDOW("taking");
	fd = sc_uffd_watch(UFFD_FEATURE_MINOR_SHMEM, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MISSING);
	ASSERT_LE(0, fd);
	copy.dst = (unsigned long)page;
	copy.src = (unsigned long)source;
	ASSERT_EQ(0, ioctl(fd, UFFDIO_COPY, &copy));
	close(fd);
	EXPECT_ERRNO(0, sc_window_close(writer, "taking"));
	EXPECT_TRUE(sc_page_is(page, 9, 9));
	EXPECT_EQ(0, sc_verify(page + sc_page(), sc_extent() - 6 * sc_page(), SC_SEED, 6));
	munmap(source, sc_page());
}

SC_TEST(H25_registered_for_minor_events)
{
	pid_t writer;
	char *half;
	int fd;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_SHARED));
	half = self->seg.addr + sc_extent() / 2;
	ASSERT_EQ(0, madvise(half, sc_extent() / 2, MADV_DONTNEED));
	writer = OPEN_WINDOW("taking");
	fd = sc_uffd_watch(UFFD_FEATURE_MINOR_SHMEM, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MINOR);
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(0, sc_window_close(writer, "taking"));
	/* What was mapped is; every page that is not there is an event to come. */
	EXPECT_EQ((long)sc_nr() / 2, sc_present(getpid(), self->seg.addr, sc_extent() / 2));
	EXPECT_EQ(0, sc_present(getpid(), half, sc_extent() / 2));
	close(fd);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* The last page goes, and its table perhaps with it. */
SC_TEST(H8_H16_pages_dropped)
{
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_SHARED));
	writer = OPEN_WINDOW("taking");
	ASSERT_EQ(0, madvise(self->seg.addr, sc_extent(), MADV_DONTNEED));
	EXPECT_ERRNO(0, sc_window_close(writer, "taking"));
	/* Nothing was mapped any more, so nothing is. */
	EXPECT_EQ(0, sc_present(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ((long long)self->seg.len, sc_rss(getpid()));
}

/* --- while the reverse map is walked, and after ------------------------------------------------ */

static const char *const late[] = { "unmapping", "unmapped", "copied", "committed" };

/*
 * The entry stands for the whole extent by then. What was never mapped must be an event, and with
 * it goes what was: one entry cannot tell them apart.
 */
SC_TEST(H25_registered_while_an_entry_stands)
{
	size_t i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, one_mapping(&self->seg, MAP_SHARED));
	for (i = 0; i < ARRAY_SIZE(late); i++) {
		char *half = self->seg.addr + sc_extent() / 2;
		pid_t writer;
		int fd;

		ASSERT_EQ(0, madvise(half, sc_extent() / 2, MADV_DONTNEED));
		/* A bit that the entry alone has, where the kernel has such bits, weighs less. */
		sc_write_file("/proc/self/clear_refs", "4");
		sc_fill_page(self->seg.addr, SC_SEED, 0);
		writer = OPEN_WINDOW(late[i]);
		fd = sc_uffd_watch(UFFD_FEATURE_MINOR_SHMEM, self->seg.addr, self->seg.len, UFFDIO_REGISTER_MODE_MINOR);
		ASSERT_LE(0, fd);
		EXPECT_ERRNO(0, sc_window_close(writer, late[i]));
		EXPECT_EQ(0, sc_present(getpid(), half, sc_extent() / 2))
			TH_LOG("registered while %s", late[i]);
		EXPECT_EQ((long long)sc_page() * sc_present(getpid(), self->seg.addr, self->seg.len),
			  sc_rss(getpid()));
		close(fd);
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
		ASSERT_EQ(0, sc_split(self->seg.addr, sc_extent()));
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	}
}

static long op_unmap(struct sc_child *child, const long *arg)
{
	return munmap(child->addr, child->len);
}

static long op_exec(struct sc_child *child, const long *arg)
{
	execl("/bin/busybox", "sleep", "1000", NULL);
	return errno;
}

static long op_move(struct sc_child *child, const long *arg)
{
	char *to = sc_reserve(child->len, 0);

	if (mremap(child->addr, child->len, child->len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return -1;
	child->addr = to;
	return sc_verify(to, child->len, SC_SEED, 0);
}

static long op_drop(struct sc_child *child, const long *arg)
{
	if (madvise(child->addr, child->len, MADV_DONTNEED))
		return -1;
	return sc_verify(child->addr, child->len, SC_SEED, 0);
}

FIXTURE(window)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAPPERS];
};

/* Where the request waits, and what all mappers do then. */
FIXTURE_VARIANT(window)
{
	const char *place;
	sc_op op;
	bool ends;		/* the mapping is gone then */
	const char *fails;	/* point that fails once, so that the attempt is rolled back */
};

FIXTURE_VARIANT_ADD(window, unmap_while_unmapping)
{
	.place = "unmapping", .op = op_unmap, .ends = true,
};

FIXTURE_VARIANT_ADD(window, exec_while_unmapping)
{
	.place = "unmapping", .op = op_exec, .ends = true,
};

FIXTURE_VARIANT_ADD(window, exit_while_unmapping)
{
	.place = "unmapping", .op = sc_op_exit, .ends = true,
};

FIXTURE_VARIANT_ADD(window, move_while_unmapping)
{
	.place = "unmapping", .op = op_move,
};

FIXTURE_VARIANT_ADD(window, fork_while_unmapping)
{
	.place = "unmapping", .op = sc_op_fork,
};

FIXTURE_VARIANT_ADD(window, protect_while_unmapping)
{
	.place = "unmapping", .op = sc_op_protect,
};

FIXTURE_VARIANT_ADD(window, drop_while_unmapping)
{
	.place = "unmapping", .op = op_drop,
};

FIXTURE_VARIANT_ADD(window, unmap_while_copied)
{
	.place = "copied", .op = op_unmap, .ends = true,
};

FIXTURE_VARIANT_ADD(window, exec_while_copied)
{
	.place = "copied", .op = op_exec, .ends = true,
};

FIXTURE_VARIANT_ADD(window, exit_while_copied)
{
	.place = "copied", .op = sc_op_exit, .ends = true,
};

FIXTURE_VARIANT_ADD(window, move_while_copied)
{
	.place = "copied", .op = op_move,
};

FIXTURE_VARIANT_ADD(window, fork_while_copied)
{
	.place = "copied", .op = sc_op_fork,
};

FIXTURE_VARIANT_ADD(window, protect_while_copied)
{
	.place = "copied", .op = sc_op_protect,
};

FIXTURE_VARIANT_ADD(window, drop_while_copied)
{
	.place = "copied", .op = op_drop,
};

FIXTURE_VARIANT_ADD(window, unmap_while_rolling_back)
{
	.place = "rolling_back", .op = op_unmap, .ends = true, .fails = "freeze",
};

FIXTURE_VARIANT_ADD(window, exit_while_rolling_back)
{
	.place = "rolling_back", .op = sc_op_exit, .ends = true, .fails = "freeze",
};

FIXTURE_VARIANT_ADD(window, move_while_rolling_back)
{
	.place = "rolling_back", .op = op_move, .fails = "freeze",
};

FIXTURE_VARIANT_ADD(window, fork_while_rolling_back)
{
	.place = "rolling_back", .op = sc_op_fork, .fails = "freeze",
};

FIXTURE_VARIANT_ADD(window, protect_while_rolling_back)
{
	.place = "rolling_back", .op = sc_op_protect, .fails = "freeze",
};

FIXTURE_VARIANT_ADD(window, drop_while_rolling_back)
{
	.place = "rolling_back", .op = op_drop, .fails = "freeze",
};

FIXTURE_SETUP(window)
{
	SC_SETUP();
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(self->m, MAPPERS, &self->seg, SC_UNRELATED));
}

FIXTURE_TEARDOWN(window)
{
	sc_kill(self->m, MAPPERS);
	SC_TEARDOWN();
}

/*
 * Some VMAs are done by now and have an entry, some are not; none may be left with something that
 * nobody takes away, which the kernel would say when the process ends, and no byte may be wrong.
 */
TEST_F_TIMEOUT(window, H7_H22_H28_H41_mappers, SC_TIMEOUT)
{
	pid_t writer;
	int err, i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	for (i = 0; i < MAPPERS; i++)
		ASSERT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	if (variant->fails)
		ASSERT_EQ(0, sc_fail(variant->fails, 1, 0));
	writer = OPEN_WINDOW(variant->place);
	for (i = 0; i < MAPPERS; i++)
		sc_send(&self->m[i], variant->op, SC_SEED, 0, 0, 0);
	/* Most of them wait now, for the reverse map or for the huge page; some are through. */
	usleep(200000);
	err = sc_window_close(writer, variant->place);
	EXPECT_TRUE(!err || err == EAGAIN)
		TH_LOG("%s", strerror(err));
	for (i = 0; i < MAPPERS; i++)
		if (variant->op != sc_op_exit && variant->op != op_exec)
			EXPECT_EQ(0, sc_wait(&self->m[i]));
	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, sc_extent(), 100));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
	for (i = 0; i < MAPPERS && !variant->ends; i++) {
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		EXPECT_EQ((long long)sc_extent(), sc_rss(self->m[i].pid));
	}
}

TEST_HARNESS_MAIN
