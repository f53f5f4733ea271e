/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of every test program: the module is loaded, its knobs are at their defaults, and
 * afterwards the statistics still add up.
 */
#ifndef SC_FIXTURE_H
#define SC_FIXTURE_H

#include <limits.h>

#include "sc.h"
#include "kselftest_harness.h"

#define SC_SEED		0x5eedull
/* Emulated machines are slow; a request that hangs must still end the test. */
#define SC_TIMEOUT	180
#define SC_TEST(name)	TEST_F_TIMEOUT(collapse, name, SC_TIMEOUT)

/* For fixtures of one's own with the same two members. */
#define SC_SETUP() do { \
	ASSERT_TRUE(sc_loaded()) \
		TH_LOG("module shmem_collapse is not loaded: %s is missing", SC_DIR); \
	ASSERT_EQ(0, sc_defaults()); \
	ASSERT_EQ(0, sc_stats(&self->before)); \
	self->seg.fd = -1; \
	self->seg.shmid = -1; \
} while (0)

#define SC_TEARDOWN() do { \
	struct sc_stats __now; \
	if (_metadata->exit_code) \
		sc_print_outcomes(&self->before); \
	sc_restore_switches(); \
	sc_destroy(&self->seg); \
	EXPECT_EQ(0, sc_defaults()); \
	EXPECT_EQ(0, sc_stats(&__now)); \
	EXPECT_EQ(sc_stat(&__now, "extents"), sc_stat(&__now, "collapsed") + \
		  sc_stat(&__now, "already_huge") + sc_stat(&__now, "failed")); \
	EXPECT_EQ(sc_stat(&__now, "failed"), sc_failed_sum(&__now)); \
} while (0)

/* Programs all of whose tests need more define SC_OWN_FIXTURE first. */
#ifndef SC_OWN_FIXTURE
FIXTURE(collapse)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_SETUP(collapse)
{
	SC_SETUP();
}

FIXTURE_TEARDOWN(collapse)
{
	SC_TEARDOWN();
}
#endif

/* Stops the test at an unexpected answer and names both. */
#define ASSERT_ERRNO(expected, call) do { \
	int __want = (expected), __got = (call); \
	ASSERT_EQ(__want, __got) \
		TH_LOG("expected %s, got %s", __want ? strerror(__want) : "success", \
		       __got ? strerror(__got) : "success"); \
} while (0)

#define EXPECT_ERRNO(expected, call) do { \
	int __want = (expected), __got = (call); \
	EXPECT_EQ(__want, __got) \
		TH_LOG("expected %s, got %s", __want ? strerror(__want) : "success", \
		       __got ? strerror(__got) : "success"); \
} while (0)

/*
 * For a fault that is known and documented, at the end of a test: reported apart as long as
 * @condition is false. A test that has failed before has failed; and so has one where the
 * condition turns out to be true, since what is documented is no longer so.
 */
#define EXPECT_TO_FAIL(condition, why) do { \
	bool __holds = (condition); \
	EXPECT_FALSE(__holds) \
		TH_LOG("expected to fail, and did not: %s", why); \
	if (!_metadata->exit_code) { \
		snprintf(_metadata->results->reason, sizeof(_metadata->results->reason), "%s", \
			 why); \
		_metadata->exit_code = KSFT_XFAIL; \
	} \
} while (0)

/* A window at @place; the test ends if the request does not come there. */
#define OPEN_WINDOW(place) ({ \
	pid_t __writer = sc_window_open(&self->seg, place); \
	ASSERT_LT(0, __writer) \
		TH_LOG("no request waits at %s", place); \
	__writer; \
})

/* How a statistic grew since the test began. */
#define EXPECT_GROWN(by, name) do { \
	unsigned long long __by = (by); \
	EXPECT_EQ(__by, sc_grown(&self->before, name)) \
		TH_LOG("statistic %s", name); \
} while (0)

#define EXPECT_UNCHANGED(before, after) do { \
	const char *__what; \
	EXPECT_EQ(0, sc_account_differs(before, after, &__what)) \
		TH_LOG("%s changed", __what); \
} while (0)

#endif /* SC_FIXTURE_H */
