// SPDX-License-Identifier: GPL-2.0
/*
 * A device with page tables of its own (the kernel's test of heterogeneous memory management)
 * mirrors the memory. It holds no reference on pages: only MMU notifiers keep it right.
 */
#include "fixture.h"

#include <fcntl.h>
#include <sys/ioctl.h>

/* lib/test_hmm_uapi.h of the kernel; not among its exported headers. */
struct hmm_dmirror_cmd {
	uint64_t addr;
	uint64_t ptr;
	uint64_t npages;
	uint64_t cpages;
	uint64_t faults;
};

#define HMM_DMIRROR_READ	_IOWR('H', 0x00, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_WRITE	_IOWR('H', 0x01, struct hmm_dmirror_cmd)

#define DEVICE "/dev/hmm_dmirror0"

/* What opens it is what it mirrors. */
static int device_open(void)
{
	return open(DEVICE, O_RDWR | O_CLOEXEC);
}

#define NO_DEVICE DEVICE ": %s (CONFIG_TEST_HMM)", strerror(errno)

/* The device's view of @pages pages at @addr; returns how often it had to ask, -1 on error. */
static long device_access(int fd, unsigned long request, void *addr, void *buf, size_t pages)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (unsigned long)addr, .ptr = (unsigned long)buf, .npages = pages,
	};

	if (ioctl(fd, request, &cmd) || cmd.cpages != pages)
		return -1;
	return cmd.faults;
}

static void *buffer(size_t len)
{
	void *buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* The device copies to it under a lock. */
	return buf == MAP_FAILED ? NULL : memset(buf, 0, len);
}

/* It reads what the file has now, not the pages that were given back. */
SC_TEST(H5_device_reads)
{
	size_t len = sc_extent();
	char *buf = buffer(len);
	int fd = device_open();

	if (fd < 0)
		SKIP(return, NO_DEVICE);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_LT(0, device_access(fd, HMM_DMIRROR_READ, self->seg.addr, buf, sc_nr()));
	EXPECT_EQ(0, sc_verify(buf, len, SC_SEED, 0));
	/* Now it knows every page. */
	ASSERT_EQ(0, device_access(fd, HMM_DMIRROR_READ, self->seg.addr, buf, sc_nr()));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, len));
	sc_fill(self->seg.addr, len, SC_SEED + 1, 0);
	EXPECT_LT(0, device_access(fd, HMM_DMIRROR_READ, self->seg.addr, buf, sc_nr()));
	EXPECT_EQ(0, sc_verify(buf, len, SC_SEED + 1, 0));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, len));
	close(fd);
	munmap(buf, len);
}

SC_TEST(H5_device_writes)
{
	size_t len = sc_extent();
	char *buf = buffer(len);
	int fd = device_open();

	if (fd < 0)
		SKIP(return, NO_DEVICE);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	sc_fill(buf, len, SC_SEED + 1, 0);
	ASSERT_LT(0, device_access(fd, HMM_DMIRROR_WRITE, self->seg.addr, buf, sc_nr()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, len, SC_SEED + 1, 0));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, len, SC_SEED + 1, 0));
	sc_fill(buf, len, SC_SEED + 2, 0);
	ASSERT_LT(0, device_access(fd, HMM_DMIRROR_WRITE, self->seg.addr, buf, sc_nr()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, len, SC_SEED + 2, 0));
	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, len, SC_SEED + 2));
	close(fd);
	munmap(buf, len);
}

/* A mapping whose table stays is swept entry by entry, and the device told of each. */
SC_TEST(H5_device_and_a_partial_mapping)
{
	size_t half = sc_extent() / 2, pages = sc_nr() / 2;
	char *view, *buf = buffer(half);
	int fd = device_open();

	if (fd < 0)
		SKIP(return, NO_DEVICE);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	view = sc_map(self->seg.fd, half, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	ASSERT_NE(MAP_FAILED, view);
	ASSERT_LT(0, device_access(fd, HMM_DMIRROR_READ, view, buf, pages));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	sc_fill(self->seg.addr, self->seg.len, SC_SEED + 1, 0);
	EXPECT_LT(0, device_access(fd, HMM_DMIRROR_READ, view, buf, pages));
	EXPECT_EQ(0, sc_verify(buf, half, SC_SEED + 1, 0));
	close(fd);
	munmap(view, half);
	munmap(buf, half);
}

/* --- the device at work all the time ---------------------------------------------------------- */

#define PAGES	16	/* of each extent */

/* Writes through the device and reads through the CPU, by turns; returns wrong pages. */
static long op_use_device(struct sc_child *child, const long *arg)
{
	uint64_t deadline = sc_now_ns() + arg[0] * 1000000ull, round = 0;
	char *buf = buffer(PAGES * sc_page());
	int fd = device_open();
	long wrong = 0;

	if (fd < 0 || !buf)
		return -1;
	while (sc_now_ns() < deadline) {
		size_t first = ++round % (sc_nr() - PAGES);
		char *at = child->addr + first * sc_page();

		sc_fill(buf, PAGES * sc_page(), round, first);
		if (device_access(fd, HMM_DMIRROR_WRITE, at, buf, PAGES) < 0)
			return -2;
		wrong += sc_verify(at, PAGES * sc_page(), round, first);
		sc_fill(at, PAGES * sc_page(), ~round, first);
		if (device_access(fd, HMM_DMIRROR_READ, at, buf, PAGES) < 0)
			return -3;
		wrong += sc_verify(buf, PAGES * sc_page(), ~round, first);
	}
	close(fd);
	munmap(buf, PAGES * sc_page());
	return wrong;
}

SC_TEST(H5_device_in_use)
{
	uint64_t deadline;
	struct sc_mapper m;
	int fd = device_open();

	if (fd < 0)
		SKIP(return, NO_DEVICE);
	close(fd);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	deadline = sc_now_ns() + 2000000000ull;
	sc_send(&m, op_use_device, 2000, 0, 0, 0);
	do {
		int err = sc_collapsef("%s", self->seg.path);

		EXPECT_TRUE(!err || err == EAGAIN)
			TH_LOG("%s", strerror(err));
		sc_split(self->seg.addr, self->seg.len);
	} while (sc_now_ns() < deadline);
	EXPECT_EQ(0, sc_wait(&m));
	EXPECT_LT(0, sc_grown(&self->before, "collapsed"));
	sc_kill(&m, 1);
}

TEST_HARNESS_MAIN
