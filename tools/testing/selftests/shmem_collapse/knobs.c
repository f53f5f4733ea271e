// SPDX-License-Identifier: GPL-2.0
/* The knobs: their defaults, their ranges, and what they do. */
#include "fixture.h"

#include <sys/stat.h>

SC_TEST(defaults_can_be_read)
{
	char buf[64], path[96];
	static const char * const knob[] = {
		"max_ptes_none", "max_ptes_swap", "map_all", "direct_reclaim", "workers",
		"target_node", "patience_ms",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(knob); i++) {
		snprintf(path, sizeof(path), SC_DIR "/%s", knob[i]);
		ASSERT_EQ(0, sc_read_file(path, buf, sizeof(buf)));
		/* One number and one newline. */
		EXPECT_EQ('\n', buf[strlen(buf) - 1]);
		EXPECT_EQ(strlen(buf) - 1, strspn(buf, "-0123456789"))
			TH_LOG("%s is \"%s\"", knob[i], buf);
	}
}

/* Every value in [low, high] is taken; those beside it are EINVAL and change nothing. */
#define EXPECT_RANGE(knob, low, high) do { \
	long long __low = (low), __high = (high), __old; \
	EXPECT_ERRNO(0, sc_knob_set_number(knob, __low)); \
	EXPECT_EQ(__low, sc_knob(knob)); \
	EXPECT_ERRNO(0, sc_knob_set_number(knob, __high)); \
	EXPECT_EQ(__high, sc_knob(knob)); \
	__old = sc_knob(knob); \
	EXPECT_ERRNO(EINVAL, sc_knob_set_number(knob, __low - 1)); \
	EXPECT_ERRNO(EINVAL, sc_knob_set_number(knob, __high + 1)); \
	EXPECT_ERRNO(EINVAL, sc_knob_set_number(knob, (1ll << 32) + __low)); \
	EXPECT_EQ(__old, sc_knob(knob)); \
} while (0)

SC_TEST(range_of_max_ptes_none)
{
	EXPECT_RANGE("max_ptes_none", 0, sc_nr() - 1);
}

SC_TEST(range_of_max_ptes_swap)
{
	EXPECT_RANGE("max_ptes_swap", 0, sc_nr());
}

SC_TEST(range_of_map_all)
{
	EXPECT_RANGE("map_all", 0, 1);
}

SC_TEST(range_of_direct_reclaim)
{
	EXPECT_RANGE("direct_reclaim", 0, 1);
}

SC_TEST(range_of_workers)
{
	EXPECT_RANGE("workers", 1, sysconf(_SC_NPROCESSORS_ONLN));
}

SC_TEST(range_of_patience_ms)
{
	EXPECT_EQ(200, sc_knob("patience_ms"));
	EXPECT_RANGE("patience_ms", 0, 60000);
}

SC_TEST(range_of_target_node)
{
	EXPECT_ERRNO(0, sc_knob_set("target_node", "0"));
	EXPECT_EQ(0, sc_knob("target_node"));
	EXPECT_ERRNO(0, sc_knob_set("target_node", "-1"));
	EXPECT_EQ(-1, sc_knob("target_node"));
	EXPECT_ERRNO(EINVAL, sc_knob_set("target_node", "-2"));
	EXPECT_ERRNO(EINVAL, sc_knob_set("target_node", "1023"));
	EXPECT_ERRNO(EINVAL, sc_knob_set("target_node", "100000"));
	EXPECT_EQ(-1, sc_knob("target_node"));
}

SC_TEST(garbage_is_refused)
{
	static const char * const knob[] = {
		"max_ptes_none", "max_ptes_swap", "map_all", "direct_reclaim", "workers",
		"target_node", "patience_ms",
	};
	static const char * const value[] = {
		"\n", "x", "1x", "1 1", "--1", "0x", "1,0", "99999999999999999999",
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(knob); i++) {
		long long old = sc_knob(knob[i]);

		for (j = 0; j < ARRAY_SIZE(value); j++) {
			int err = sc_knob_set(knob[i], value[j]);

			/* The kernel's own number parser calls the last of them ERANGE. */
			EXPECT_TRUE(err == EINVAL || err == ERANGE)
				TH_LOG("\"%s\" to %s: %s", value[j], knob[i], strerror(err));
			EXPECT_EQ(old, sc_knob(knob[i]));
		}
	}
}

SC_TEST(newline_is_optional)
{
	EXPECT_ERRNO(0, sc_knob_set("max_ptes_none", "3"));
	EXPECT_EQ(3, sc_knob("max_ptes_none"));
	EXPECT_ERRNO(0, sc_knob_set("max_ptes_none", "4\n"));
	EXPECT_EQ(4, sc_knob("max_ptes_none"));
}

static void expect_works(struct __test_metadata *_metadata, struct sc_segment *seg)
{
	struct sc_mapper m;

	ASSERT_EQ(0, sc_create_filled(seg, SC_MEMFD, 8, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, seg, SC_UNRELATED));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapse(getpid(), seg->addr, seg->len));
	EXPECT_EQ(8, sc_huge_mapped(getpid(), seg->addr, seg->len));
	EXPECT_EQ(8, sc_huge_mapped(m.pid, m.addr, seg->len));
	EXPECT_EQ(0, sc_verify(seg->addr, seg->len, SC_SEED, 0));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	sc_kill(&m, 1);
}

SC_TEST(all_workers)
{
	ASSERT_ERRNO(0, sc_knob_set_number("workers", sysconf(_SC_NPROCESSORS_ONLN)));
	expect_works(_metadata, &self->seg);
	EXPECT_GROWN(8, "collapsed");
	EXPECT_GROWN(8, "extents");
	EXPECT_GROWN(1, "requests");
}

SC_TEST(all_workers_report_the_first_failure)
{
	ASSERT_ERRNO(0, sc_knob_set_number("workers", sysconf(_SC_NPROCESSORS_ONLN)));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 8, SC_SEED));
	ASSERT_EQ(0, madvise(self->seg.addr + 2 * sc_extent(), sc_extent(), MADV_REMOVE));
	ASSERT_EQ(0, munmap(self->seg.addr + 5 * sc_extent(), sc_extent()));
	EXPECT_ERRNO(ENODATA, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(6, "collapsed");
	EXPECT_GROWN(2, "failed");
}

SC_TEST(direct_reclaim_on)
{
	ASSERT_ERRNO(0, sc_knob_set("direct_reclaim", "1"));
	expect_works(_metadata, &self->seg);
}

SC_TEST(node_chosen)
{
	ASSERT_ERRNO(0, sc_knob_set("target_node", "0"));
	expect_works(_metadata, &self->seg);
}

TEST_HARNESS_MAIN
