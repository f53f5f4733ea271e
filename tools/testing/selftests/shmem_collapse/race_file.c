// SPDX-License-Identifier: GPL-2.0
/* Requests against changes of the file. */
#include "race.h"

static long op_punch(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;
	size_t i = arg[1];

	/* Pages 0, 3, 6... are punched, as often as time allows. */
	while (until(&deadline)) {
		for (i = 0; i < EXTENTS * sc_nr(); i += 3)
			if (fallocate(shared->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      i * sc_page(), sc_page()))
				return -1;
	}
	return 0;
}

RACE_TEST(H11_punching_holes)
{
	size_t wrong, i;
	int round;

	for (round = 0; round < rounds(); round++) {
		one_round(_metadata, self, op_punch, round);
		for (i = wrong = 0; i < EXTENTS * sc_nr(); i++) {
			char *page = self->seg.addr + i * sc_page();

			wrong += i % 3 ? !sc_page_is(page, round, i) : !sc_page_is_zero(page);
		}
		EXPECT_EQ(0, wrong);
	}
}

static long op_truncate(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;

	while (until(&deadline))
		if (ftruncate(shared->fd, shared->len / 2 + sc_page()) ||
		    ftruncate(shared->fd, shared->len))
			return -1;
	return 0;
}

RACE_TEST(H18_truncating)
{
	size_t half = EXTENTS * sc_extent() / 2 + sc_page(), i;
	int round;

	for (round = 0; round < rounds(); round++) {
		one_round(_metadata, self, op_truncate, round);
		EXPECT_EQ(0, sc_verify(self->seg.addr, half, round, 0));
		for (i = half; i < self->seg.len; i += sc_page())
			ASSERT_TRUE(sc_page_is_zero(self->seg.addr + i));
	}
}

/* Pages that a process writes into holes must not be lost between copy and commit. */
static long op_write_holes(struct sc_child *child, const long *arg)
{
	size_t i;

	for (i = arg[1]; i < EXTENTS * sc_nr(); i += DISTURBERS) {
		sc_fill_page(child->addr + i * sc_page(), arg[0], i);
		if (i % 64 == 0)
			usleep(50);
	}
	return 0;
}

static long op_pwrite_holes(struct sc_child *child, const long *arg)
{
	char page[65536];
	size_t i;

	memset(page, 0, sizeof(page));
	for (i = arg[1]; i < EXTENTS * sc_nr(); i += DISTURBERS) {
		sc_fill_page(page, arg[0], i);
		if (pwrite(shared->fd, page, sc_page(), i * sc_page()) != (ssize_t)sc_page())
			return -1;
	}
	return 0;
}

static void race_into_holes(struct __test_metadata *_metadata, struct _test_data_race *self,
			    sc_op fill)
{
	int round, i;

	for (round = 0; round < 2 * rounds(); round++) {
		ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       0, self->seg.len));
		for (i = 0; i < DISTURBERS; i++)
			sc_send(&self->m[i], fill, round, i, 0, 0);
		for (i = 0; i < 50; i++) {
			int err = sc_collapsef("%s", self->seg.path);

			self->tries++;
			self->successes += !err;
			EXPECT_TRUE(fair_answer(err))
				TH_LOG("%s", strerror(err));
			if (!err)
				break;
			usleep(200);
		}
		for (i = 0; i < DISTURBERS; i++)
			EXPECT_EQ(0, sc_wait(&self->m[i]));
		expect_all_right(_metadata, self, round);
	}
}

RACE_TEST(H9_H41_filling_holes_by_mapping)
{
	race_into_holes(_metadata, self, op_write_holes);
}

RACE_TEST(H9_filling_holes_by_write)
{
	race_into_holes(_metadata, self, op_pwrite_holes);
}

static long op_read_file(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;
	long wrong = 0;

	while (until(&deadline))
		wrong += sc_verify_fd(shared->fd, sc_extent(), arg[0]);
	return wrong;
}

RACE_TEST(H20_reading_the_file)
{
	race_with(_metadata, self, op_read_file);
}

TEST_HARNESS_MAIN
