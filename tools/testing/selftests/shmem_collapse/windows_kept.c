// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that keep their table, with migration entries in it, and change while a request waits
 * between two steps. On a debug kernel only. An entry that is left behind hangs who touches it; one
 * that is counted wrong makes the kernel complain when the process ends.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAPPERS		4
#define WRITTEN		5

FIXTURE(kept)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAPPERS];
};

/* Where the request waits, and what all mappers do then. */
FIXTURE_VARIANT(kept)
{
	const char *place;
	sc_op op;
	bool ends;		/* the mapping is gone then */
	const char *fails;	/* point that fails once, so that the attempt is rolled back */
};

/* One page further than huge pages allow, at an address of the mapper's own. */
static long op_misalign(struct sc_child *child, const long *arg)
{
	char *to = sc_reserve(child->len + sc_extent(), 0) + sc_page();

	if (mremap(child->addr, child->len, child->len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return -1;
	child->addr = to;
	return sc_verify(to, child->len, SC_SEED, 0);
}

static long op_unmap(struct sc_child *child, const long *arg)
{
	/* A half first, which begins inside a table. */
	return munmap(child->addr + child->len / 2, child->len / 2) ||
	       munmap(child->addr, child->len / 2);
}

/* There and back: the new VMA is once before the old one in the tree and once behind it. */
static long op_move(struct sc_child *child, const long *arg)
{
	return op_misalign(child, arg) || op_misalign(child, arg) || op_misalign(child, arg);
}

static long op_drop(struct sc_child *child, const long *arg)
{
	if (madvise(child->addr + sc_page(), child->len / 2, MADV_DONTNEED))
		return -1;
	return sc_verify(child->addr, child->len, SC_SEED, 0);
}

/* The bits of the entries are cleared; a write that follows is seen all the same. */
static long op_track(struct sc_child *child, const long *arg)
{
	char *page = child->addr + WRITTEN * sc_page();

	if (sc_write_file("/proc/self/clear_refs", "4"))
		return -1;
	sc_fill_page(page, SC_SEED, WRITTEN);
	return !sc_soft_dirty(getpid(), page);
}

FIXTURE_VARIANT_ADD(kept, unmap_while_unmapping)
{
	.place = "unmapping",
	.op = op_unmap,
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, exit_while_unmapping)
{
	.place = "unmapping",
	.op = sc_op_exit,
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, move_while_unmapping)
{
	.place = "unmapping",
	.op = op_move,
};

FIXTURE_VARIANT_ADD(kept, fork_while_unmapping)
{
	.place = "unmapping",
	.op = sc_op_fork,
};

FIXTURE_VARIANT_ADD(kept, protect_while_unmapping)
{
	.place = "unmapping",
	.op = sc_op_protect,
};

FIXTURE_VARIANT_ADD(kept, drop_while_unmapping)
{
	.place = "unmapping",
	.op = op_drop,
};

FIXTURE_VARIANT_ADD(kept, unmap_while_copied)
{
	.place = "copied",
	.op = op_unmap,
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, exit_while_copied)
{
	.place = "copied",
	.op = sc_op_exit,
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, move_while_copied)
{
	.place = "copied",
	.op = op_move,
};

FIXTURE_VARIANT_ADD(kept, fork_while_copied)
{
	.place = "copied",
	.op = sc_op_fork,
};

FIXTURE_VARIANT_ADD(kept, protect_while_copied)
{
	.place = "copied",
	.op = sc_op_protect,
};

FIXTURE_VARIANT_ADD(kept, drop_while_copied)
{
	.place = "copied",
	.op = op_drop,
};

FIXTURE_VARIANT_ADD(kept, track_while_copied)
{
	.place = "copied",
	.op = op_track,
};

FIXTURE_VARIANT_ADD(kept, unmap_while_committed)
{
	.place = "committed",
	.op = op_unmap,
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, exit_while_committed)
{
	.place = "committed",
	.op = sc_op_exit,
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, move_while_committed)
{
	.place = "committed",
	.op = op_move,
};

FIXTURE_VARIANT_ADD(kept, drop_while_committed)
{
	.place = "committed",
	.op = op_drop,
};

FIXTURE_VARIANT_ADD(kept, unmap_while_rolling_back)
{
	.place = "rolling_back",
	.op = op_unmap,
	.fails = "freeze",
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, exit_while_rolling_back)
{
	.place = "rolling_back",
	.op = sc_op_exit,
	.fails = "freeze",
	.ends = true,
};

FIXTURE_VARIANT_ADD(kept, move_while_rolling_back)
{
	.place = "rolling_back",
	.op = op_move,
	.fails = "freeze",
};

FIXTURE_VARIANT_ADD(kept, fork_while_rolling_back)
{
	.place = "rolling_back",
	.op = sc_op_fork,
	.fails = "freeze",
};

FIXTURE_VARIANT_ADD(kept, protect_while_rolling_back)
{
	.place = "rolling_back",
	.op = sc_op_protect,
	.fails = "freeze",
};

FIXTURE_VARIANT_ADD(kept, drop_while_rolling_back)
{
	.place = "rolling_back",
	.op = op_drop,
	.fails = "freeze",
};

FIXTURE_VARIANT_ADD(kept, track_while_rolling_back)
{
	.place = "rolling_back",
	.op = op_track,
	.fails = "freeze",
};

#define MISALIGNED_MAPPERS() do { \
	int __i; \
	SC_SETUP(); \
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED)); \
	ASSERT_EQ(0, sc_spawn_n(self->m, MAPPERS, &self->seg, SC_UNRELATED)); \
	for (__i = 0; __i < MAPPERS; __i++) \
		ASSERT_EQ(0, sc_call(&self->m[__i], op_misalign, 0, 0, 0, 0)); \
} while (0)

FIXTURE_SETUP(kept)
{
	MISALIGNED_MAPPERS();
}

FIXTURE_TEARDOWN(kept)
{
	sc_kill(self->m, MAPPERS);
	SC_TEARDOWN();
}

TEST_F_TIMEOUT(kept, H43_mappers, SC_TIMEOUT)
{
	pid_t writer;
	int err, i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
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
		if (variant->op != sc_op_exit)
			EXPECT_EQ(0, sc_wait(&self->m[i]));
	EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, sc_extent(), 100));
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
	for (i = 0; i < MAPPERS && !variant->ends; i++) {
		EXPECT_EQ(0, sc_call(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		EXPECT_EQ((long long)sc_extent(), sc_rss(self->m[i].pid));
	}
}

/* --- threads that touch such a mapping ---------------------------------------------------------- */

FIXTURE(touched)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_mapper m[MAPPERS];
};

FIXTURE_SETUP(touched)
{
	MISALIGNED_MAPPERS();
}

FIXTURE_TEARDOWN(touched)
{
	sc_kill(self->m, MAPPERS);
	SC_TEARDOWN();
}

/* They wait without a reference, as on the entry of a whole table: one attempt is enough. */
TEST_F_TIMEOUT(touched, H20_threads_that_wait, SC_TIMEOUT)
{
	pid_t writer;
	bool again;
	int i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	writer = OPEN_WINDOW("unmapped");
	for (i = 0; i < MAPPERS; i++)
		sc_send(&self->m[i], sc_op_verify, SC_SEED, 0, 0, 0);
	for (i = 0; i < MAPPERS; i++)
		EXPECT_EQ(0, sc_wait_asleep(self->m[i].pid));
	EXPECT_ERRNO(0, sc_window_close_noting(writer, "unmapped", "rolling_back", &again));
	EXPECT_FALSE(again);
	for (i = 0; i < MAPPERS; i++)
		EXPECT_EQ(0, sc_wait(&self->m[i]));
}

TEST_HARNESS_MAIN
