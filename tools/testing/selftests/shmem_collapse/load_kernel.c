// SPDX-License-Identifier: GPL-2.0
/*
 * Requests beside the kernel's own collapse of the same memory. It leaves extents mapped nowhere
 * or in one process only.
 */
#include "load.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define KHUGEPAGED SC_THP "/khugepaged"

/* Each its half, while a request is at both. */
static void collapse_half(int nr)
{
	char *half = shared->addr + nr * shared->len / LOADERS;

	while (true) {
		while (!__atomic_load_n(&load->asking, __ATOMIC_RELAXED))
			usleep(100);
		madvise(half, shared->len / LOADERS, MADV_COLLAPSE);
		turn(nr);
	}
}

LOAD_TEST(madvise_collapse)
{
	beside(_metadata, self, LOADERS, collapse_half, true);
}

/* A process whose memory the kernel makes huge by itself. */
static void for_khugepaged(int nr)
{
	if (madvise(shared->addr, shared->len, MADV_HUGEPAGE))
		_exit(1);
	turn(nr);
	while (true)
		pause();
}

LOAD_TEST(khugepaged)
{
	long long scans = sc_read_number(KHUGEPAGED "/full_scans");

	ASSERT_EQ(0, sc_mthp(sc_extent() / 1024, "advise"));
	ASSERT_EQ(0, sc_switch(SC_THP "/enabled", "madvise"));
	ASSERT_EQ(0, sc_switch(KHUGEPAGED "/scan_sleep_millisecs", "0"));
	ASSERT_EQ(0, sc_switch(KHUGEPAGED "/pages_to_scan", "4096"));
	beside(_metadata, self, 1, for_khugepaged, true);
	EXPECT_LT(scans, sc_read_number(KHUGEPAGED "/full_scans"));
}

TEST_HARNESS_MAIN
