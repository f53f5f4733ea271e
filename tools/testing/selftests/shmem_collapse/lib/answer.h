/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture of tests that ask through the device and read the answer. */
#ifndef SC_ANSWER_H
#define SC_ANSWER_H

#include "device.h"

#include <sys/mman.h>

#define SC_OWN_FIXTURE
#include "fixture.h"

#define EXTENTS	3

FIXTURE(answer)
{
	struct sc_stats before;
	struct sc_segment seg;
	int fd;
};

FIXTURE_SETUP(answer)
{
	SC_SETUP();
	self->fd = sc_device();
	ASSERT_LE(0, self->fd) TH_LOG("%s: %s", SC_DEVICE, strerror(errno));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, EXTENTS, SC_SEED));
}

FIXTURE_TEARDOWN(answer)
{
	close(self->fd);
	SC_TEARDOWN();
}

#define ANSWER_TEST(name) TEST_F_TIMEOUT(answer, name, SC_TIMEOUT)

#define EXPECT_ANSWER(expected, name) do { \
	unsigned long long __want = (expected), __got = sc_answered(self->fd, name); \
	EXPECT_EQ(__want, __got) \
		TH_LOG("answer %s", name); \
} while (0)

/* The request for all of a segment in this process. */
static inline const char *request_for(const struct sc_segment *seg)
{
	static char request[96];
	unsigned long at = (unsigned long)seg->addr;

	snprintf(request, sizeof(request), "%d,0x%lx,0x%lx", getpid(), at, at + seg->len);
	return request;
}

/* The same memory, in small pages again. */
static inline int refill(const struct sc_segment *seg)
{
	if (madvise(seg->addr, seg->len, MADV_REMOVE))
		return errno;
	sc_fill(seg->addr, seg->len, SC_SEED, 0);
	return 0;
}

#endif /* SC_ANSWER_H */
