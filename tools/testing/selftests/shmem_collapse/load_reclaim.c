// SPDX-License-Identifier: GPL-2.0
/* Requests beside reclaim, which takes pages to swap and unmaps them. */
#define LOAD_GROUP true
#include "load.h"

static char reclaim_file[200];

/* Less than was asked for is an error of its own. */
static void reclaim(int nr)
{
	while (true) {
		int err = sc_write_file(reclaim_file, "4M");

		if (err && err != EAGAIN)
			_exit(1);
		turn(nr);
	}
}

LOAD_TEST(reclaim)
{
	const char *reason;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	snprintf(reclaim_file, sizeof(reclaim_file), "%s/memory.reclaim", self->group);
	beside(_metadata, self, 1, reclaim, true);
	/* A few requests on a slow host may meet none; that there was reclaim is looked at above. */
	if (!sc_brief())
		EXPECT_LT(0, sc_grown(&self->before, "pages_swapped_in"));
}

TEST_HARNESS_MAIN
