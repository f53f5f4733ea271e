// SPDX-License-Identifier: GPL-2.0
/* The statistics: all there, they add up, and can be reset. */
#include "fixture.h"

static const char * const outcome[] = {
	"misaligned", "not_shmem", "thp_disabled", "frozen", "zone", "unmapped", "no_huge_page",
	"no_memory", "memcg_limit", "locked", "pinned", "vma_busy", "filled", "lru", "raced",
	"too_many_holes", "too_many_swapped", "uffd_missing", "uffd_armed", "no_space", "no_quota",
	"poisoned", "empty",
};

static const char * const counter[] = {
	"requests", "extents", "collapsed", "already_huge", "failed", "attempts", "pmds_mapped",
	"page_tables_freed", "pages_swapped_in", "holes_filled", "lru_drains", "waited_ns",
	"copy_ns", "total_ns",
};

SC_TEST(all_counters_are_there)
{
	char name[48];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counter); i++) {
		snprintf(name, sizeof(name), "%s", counter[i]);
		EXPECT_NE(ULLONG_MAX, sc_stat(&self->before, name))
			TH_LOG("stats/%s is missing", name);
	}
}

SC_TEST(all_outcomes_are_there)
{
	char name[48];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outcome); i++) {
		snprintf(name, sizeof(name), "failed_%s", outcome[i]);
		EXPECT_NE(ULLONG_MAX, sc_stat(&self->before, name))
			TH_LOG("stats/%s is missing", name);
	}
}

SC_TEST(one_number_and_a_newline_each)
{
	char path[128], buf[64];
	int i;

	for (i = 0; i < self->before.count; i++) {
		snprintf(path, sizeof(path), SC_DIR "/stats/%s", self->before.stat[i].name);
		ASSERT_EQ(0, sc_read_file(path, buf, sizeof(buf)));
		ASSERT_LT(1, strlen(buf));
		EXPECT_EQ(strlen(buf) - 1, strspn(buf, "0123456789"));
		EXPECT_EQ('\n', buf[strlen(buf) - 1]);
	}
}

SC_TEST(they_add_up)
{
	struct sc_stats now;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 4, SC_SEED));
	ASSERT_EQ(0, madvise(self->seg.addr, sc_extent(), MADV_REMOVE));
	EXPECT_ERRNO(ENODATA, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_ERRNO(ENODATA, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(2, "requests");
	EXPECT_GROWN(8, "extents");
	EXPECT_GROWN(3, "collapsed");
	EXPECT_GROWN(3, "already_huge");
	EXPECT_GROWN(2, "failed");
	EXPECT_GROWN(2, "failed_empty");
	EXPECT_GROWN(3, "pmds_mapped");
	EXPECT_GROWN(3, "page_tables_freed");

	ASSERT_EQ(0, sc_stats(&now));
	EXPECT_EQ(sc_stat(&now, "extents"), sc_stat(&now, "collapsed") +
		  sc_stat(&now, "already_huge") + sc_stat(&now, "failed"));
	EXPECT_EQ(sc_stat(&now, "failed"), sc_failed_sum(&now));
}

SC_TEST(time_is_counted)
{
	unsigned long long copy = 0, total;
	uint64_t begin, took = 0;
	int round;

	/* The clock may tick so seldom that all copies of a request fall between two ticks. */
	for (round = 0; round < 50 && !copy; round++) {
		ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 4, SC_SEED));
		begin = sc_now_ns();
		ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
		took += sc_now_ns() - begin;
		copy = sc_grown(&self->before, "copy_ns");
		sc_destroy(&self->seg);
	}
	total = sc_grown(&self->before, "total_ns");
	EXPECT_LT(0, copy);
	EXPECT_LE(copy, total);
	EXPECT_LE(total, took);
}

SC_TEST(malformed_requests_count_no_extents)
{
	EXPECT_ERRNO(EINVAL, sc_collapsef("nonsense"));
	EXPECT_GROWN(0, "extents");
	EXPECT_GROWN(0, "failed");
}

SC_TEST(reset)
{
	struct sc_stats now;
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_write_file(SC_DIR "/stats/reset", "1\n"));
	ASSERT_EQ(0, sc_stats(&now));
	ASSERT_EQ(self->before.count, now.count);
	for (i = 0; i < now.count; i++)
		EXPECT_EQ(0, now.stat[i].value)
			TH_LOG("%s", now.stat[i].name);
	/* They count on from there. */
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	ASSERT_EQ(0, sc_stats(&now));
	EXPECT_EQ(1, sc_stat(&now, "requests"));
	EXPECT_EQ(1, sc_stat(&now, "already_huge"));
}

SC_TEST(reset_cannot_be_read)
{
	char path[] = SC_DIR "/stats/reset", buf[16];

	EXPECT_NE(0, sc_read_file(path, buf, sizeof(buf)));
	EXPECT_NE(0, sc_read_file(SC_DIR "/collapse", buf, sizeof(buf)));
}

TEST_HARNESS_MAIN
