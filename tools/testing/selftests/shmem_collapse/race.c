// SPDX-License-Identifier: GPL-2.0
/* Requests against other requests, and against processes that come, go and change their mappings. */
#include "race.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* --- other requests -------------------------------------------------------------------------- */

static long op_collapse(struct sc_child *child, const long *arg)
{
	return sc_collapse(getpid(), child->addr, child->len);
}

RACE_TEST(H18_two_requests_for_the_same)
{
	int round, i;

	for (round = 0; round < 4 * rounds(); round++) {
		long err[2];

		ASSERT_EQ(0, remake(&self->seg, round));
		sc_send(&self->m[0], op_collapse, 0, 0, 0, 0);
		sc_send(&self->m[1], op_collapse, 0, 0, 0, 0);
		for (i = 0; i < 2; i++) {
			err[i] = sc_wait(&self->m[i]);
			EXPECT_TRUE(!err[i] || err[i] == EAGAIN)
				TH_LOG("%s", strerror(err[i]));
			self->tries++;
			self->successes += !err[i];
		}
		/* Whoever loses an extent, somebody has won it. */
		EXPECT_EQ((long)(EXTENTS * sc_nr()),
			  sc_huge_pages(self->seg.addr, self->seg.len));
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, round, 0));
	}
}

static long op_kernel_collapse(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;

	while (until(&deadline)) {
		madvise(child->addr, child->len, MADV_COLLAPSE);
		usleep(500);
	}
	return 0;
}

RACE_TEST(H18_the_kernels_own_collapse)
{
	race_with(_metadata, self, op_kernel_collapse);
}

static long op_split(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;

	while (until(&deadline)) {
		sc_split(child->addr, child->len);
		sc_touch(child->addr, child->len);
	}
	return 0;
}

RACE_TEST(H12_splitting)
{
	if (access("/sys/kernel/debug/split_huge_pages", W_OK))
		SKIP(return, "debugfs split_huge_pages is not there");
	race_with(_metadata, self, op_split);
}

/* UFFDIO_COPY puts pages into a private mapping without looking at the file. */
static long op_uffd_copy(struct sc_child *child, const long *arg)
{
	struct uffdio_copy copy = { .len = sc_page(), .src = (unsigned long)child->addr };
	char *view = sc_map(shared->fd, shared->len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	int fd = sc_uffd_watch(0, view, shared->len, UFFDIO_REGISTER_MODE_MISSING);
	uint64_t deadline = 0;
	long wrong = 0;
	size_t i;

	if (fd < 0)
		return -1;
	while (until(&deadline)) {
		madvise(view, shared->len, MADV_DONTNEED);
		for (i = 1; i < EXTENTS * sc_nr(); i += 17) {
			copy.dst = (unsigned long)view + i * sc_page();
			copy.copy = 0;
			if (ioctl(fd, UFFDIO_COPY, &copy) && errno != EAGAIN && errno != EEXIST)
				return -2;
		}
		/* Each is a copy of the file's first page. */
		for (i = 1; i < EXTENTS * sc_nr(); i += 17)
			wrong += !sc_page_is(view + i * sc_page(), arg[0], 0);
	}
	close(fd);
	munmap(view, shared->len);
	return wrong;
}

RACE_TEST(H1_pages_from_userfaultfd)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	close(fd);
	race_with(_metadata, self, op_uffd_copy);
}

/* --- processes that come, go and change their mappings ---------------------------------------- */

RACE_TEST(H6_H28_exit_of_mappers)
{
	int round, i;

	for (round = 0; round < 4 * rounds(); round++) {
		struct sc_mapper victim[2];
		pid_t writer;
		int err;

		ASSERT_EQ(0, remake(&self->seg, round));
		ASSERT_EQ(0, sc_spawn_n(victim, 2, &self->seg, SC_FORKED));
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, sc_call(&victim[i], sc_op_verify, round, 0, 0, 0));
		writer = sc_fork();
		/* By name of the victim, or of the file, which outlives it. */
		if (!writer)
			_exit(round % 2 ? sc_collapsef("%s", self->seg.path) :
			      sc_collapse(victim[0].pid, victim[0].addr, self->seg.len));
		usleep(500 * round);
		sc_kill(victim, 2);
		err = sc_join(writer);
		EXPECT_TRUE(fair_answer(err) || err == ENOMEM)
			TH_LOG("%s", strerror(err));
		self->tries++;
		self->successes += !err;
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, round, 0));
	}
	expect_all_right(_metadata, self, round - 1);
}

static long op_map_unmap(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;
	long wrong = 0;

	while (until(&deadline)) {
		char *view = sc_map_segment(shared, PROT_READ | PROT_WRITE);

		if (view == MAP_FAILED)
			continue;	/* another thread of the kernel took the address */
		wrong += sc_verify(view, sc_extent() / 4, arg[0], 0);
		munmap(view, sc_extent() / 8);
		wrong += sc_verify(view + sc_extent(), sc_extent() / 4, arg[0], sc_nr());
		munmap(view, shared->len);
	}
	return wrong;
}

RACE_TEST(H6_H28_mapping_and_unmapping)
{
	race_with(_metadata, self, op_map_unmap);
}

static long op_move(struct sc_child *child, const long *arg)
{
	char *home = child->addr, *away = sc_reserve(2 * child->len, 0), *at = home;
	uint64_t deadline = 0;
	long wrong = 0;
	int turn = 0;

	while (until(&deadline) || at != home) {
		/* Home, an equally aligned place, and one where nothing can be huge. */
		char *to = at != home ? home : away + (++turn % 2) * sc_page();

		if (mremap(at, child->len, child->len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
			return -1;
		at = to;
		wrong += sc_verify(at, sc_extent() / 8, arg[0], 0);
	}
	return wrong;
}

RACE_TEST(H7_H22_moving_mappings)
{
	race_with(_metadata, self, op_move);
}

static long op_fork(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;
	long wrong = 0;
	char *private;

	private = sc_map(shared->fd, shared->len, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	if (private == MAP_FAILED)
		return -1;
	sc_fill(private, sc_extent() / 8, ~0ull, 0);
	while (until(&deadline)) {
		pid_t pid = sc_fork();

		if (!pid)
			_exit(sc_verify(child->addr, sc_extent() / 8, arg[0], 0) ||
			      sc_verify(private, sc_extent() / 8, ~0ull, 0) ||
			      sc_verify(private + sc_extent(), sc_extent() / 8, arg[0],
					sc_nr()));
		wrong += !!sc_join(pid);
	}
	munmap(private, shared->len);
	return wrong;
}

RACE_TEST(H21_H22_forking)
{
	race_with(_metadata, self, op_fork);
}

static long op_drop(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;
	long wrong = 0;

	while (until(&deadline)) {
		madvise(child->addr, child->len / 2, MADV_DONTNEED);
		wrong += sc_verify(child->addr, sc_extent() / 8, arg[0], 0);
	}
	return wrong;
}

RACE_TEST(H8_H16_H27_dropping_pages)
{
	race_with(_metadata, self, op_drop);
}

static long op_protect(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;
	long wrong = 0;

	while (until(&deadline)) {
		if (mprotect(child->addr, child->len, PROT_READ))
			return -1;
		wrong += sc_verify(child->addr, sc_extent() / 8, arg[0], 0);
		if (mprotect(child->addr + sc_page(), sc_extent(), PROT_NONE) ||
		    mprotect(child->addr, child->len, PROT_READ | PROT_WRITE))
			return -1;
	}
	return wrong;
}

RACE_TEST(H32_changing_protection)
{
	race_with(_metadata, self, op_protect);
}

static long op_mlock(struct sc_child *child, const long *arg)
{
	uint64_t deadline = 0;

	while (until(&deadline))
		if (mlock(child->addr, child->len) || munlock(child->addr, child->len))
			return -1;
	return 0;
}

RACE_TEST(H31_locking_and_unlocking)
{
	long long locked = sc_meminfo("Mlocked");

	race_with(_metadata, self, op_mlock);
	/* While the memory lives the kernel's own count may be too high. */
	sc_kill(self->m, MAPPERS);
	sc_destroy(&self->seg);
	EXPECT_EQ(locked, sc_meminfo("Mlocked"));
}

TEST_HARNESS_MAIN
