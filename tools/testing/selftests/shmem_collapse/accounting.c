// SPDX-License-Identifier: GPL-2.0
/* Memory, page tables and control groups are charged right, and an interrupted request leaks nothing. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/swap.h>

#define MAPPERS 4

static long op_fill_part(struct sc_child *child, const long *arg)
{
	sc_fill(child->addr + arg[0] * sc_page(), arg[1] * sc_page(), SC_SEED, arg[0]);
	return 0;
}

static long op_refuse_huge(struct sc_child *child, const long *arg)
{
	return madvise(child->addr, child->len, MADV_NOHUGEPAGE) ? errno : 0;
}

SC_TEST(success_moves_nothing)
{
	struct sc_account before, after;
	struct sc_mapper m[MAPPERS];
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 4, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, MAPPERS, &self->seg, SC_UNRELATED));
	for (i = 0; i < MAPPERS; i++)
		ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	sc_account(&before, self->seg.fd, m[0].pid, NULL);
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	sc_account(&after, self->seg.fd, m[0].pid, NULL);
	EXPECT_EQ(before.shmem_huge + (long long)self->seg.len, after.shmem_huge);
	after.shmem_huge = before.shmem_huge;
	EXPECT_UNCHANGED(&before, &after);
	sc_kill(m, MAPPERS);
}

SC_TEST(whole_life_leaves_nothing)
{
	struct sc_account before, after;
	struct sc_mapper m[MAPPERS];
	int round;

	sc_account(&before, -1, getpid(), NULL);
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 4, SC_SEED));
		ASSERT_EQ(0, sc_spawn_n(m, MAPPERS, &self->seg, SC_FORKED));
		EXPECT_EQ(0, sc_call(&m[0], sc_op_verify, SC_SEED, 0, 0, 0));
		EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
		/* A part of the huge mapping goes first. */
		EXPECT_EQ(0, munmap(self->seg.addr, sc_extent() / 2));
		EXPECT_EQ(0, madvise(self->seg.addr + sc_extent(), sc_extent(), MADV_REMOVE));
		sc_kill(m, MAPPERS);
		munmap(self->seg.addr + sc_extent() / 2, self->seg.len - sc_extent() / 2);
		self->seg.addr = NULL;
		sc_destroy(&self->seg);
	}
	sc_account(&after, -1, getpid(), NULL);
	EXPECT_UNCHANGED(&before, &after);
}

SC_TEST(resident_memory_follows_unmapping)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(2 * (long long)sc_extent(), sc_rss(getpid()));
	ASSERT_EQ(0, madvise(self->seg.addr, sc_extent(), MADV_DONTNEED));
	EXPECT_EQ((long long)sc_extent(), sc_rss(getpid()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(2 * (long long)sc_extent(), sc_rss(getpid()));
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	self->seg.addr = NULL;
	EXPECT_EQ(0, sc_rss(getpid()));
}

/* The per-CPU parts of a counter, which the high-water mark is not told of. */
#define SLACK	(1ll << 20)

/* RSS that falls has been as high as it was; the kernel notes that only when told. */
SC_TEST(peak_of_resident_memory_stays)
{
	struct sc_mapper m[2];
	long long peak[2];
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 8, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, 2, &self->seg, SC_UNRELATED));
	/* One with tables that are exchanged, one with tables that stay. */
	ASSERT_EQ(0, sc_call(&m[1], op_refuse_huge, 0, 0, 0, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		peak[i] = sc_status(m[i].pid, "VmHWM");
	}
	ASSERT_EQ(0, sc_knob_set("map_all", "0"));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, sc_rss(m[i].pid));
		EXPECT_LE(peak[i] - SLACK, sc_status(m[i].pid, "VmHWM"));
	}
	sc_kill(m, 2);
}

SC_TEST(page_tables_are_freed)
{
	long long table = (long long)sc_nr() * 8, before[MAPPERS];
	struct sc_mapper m[MAPPERS];
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 4, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, MAPPERS, &self->seg, SC_UNRELATED));
	for (i = 0; i < MAPPERS; i++) {
		ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		before[i] = sc_status(m[i].pid, "VmPTE");
	}
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	for (i = 0; i < MAPPERS; i++)
		EXPECT_EQ(before[i] - 4 * table, sc_status(m[i].pid, "VmPTE"));
	sc_kill(m, MAPPERS);
}

/* More than the machine could lose unnoticed, and than other things take meanwhile. */
SC_TEST(old_pages_are_free_again)
{
	size_t extents = 4, rounds = (256ul << 20) / (extents * sc_extent()) + 1, i;
	long long before = sc_meminfo("MemFree"), lost;

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, extents, SC_SEED));
		EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
		sc_destroy(&self->seg);
	}
	lost = before - sc_meminfo("MemFree");
	EXPECT_GT(64ll << 20, lost);
}

/* --- control groups -------------------------------------------------------------------------- */

#define EXPECT_SETTLES(expected, group, field) do { \
	long long __want = (expected); \
	EXPECT_EQ(__want, sc_cgroup_settles(group, field, __want)); \
} while (0)

#define NO_CGROUP "no memory control group: %s", strerror(err)

SC_TEST(charged_to_the_group_that_owns_it)
{
	struct sc_mapper owner;
	char group[128];
	int err;

	err = sc_cgroup_create(group, sizeof(group), "sc-owner");
	if (err)
		SKIP(return, NO_CGROUP);
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 2));
	ASSERT_EQ(0, sc_spawn(&owner, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_cgroup_enter(group, owner.pid));
	ASSERT_EQ(0, sc_call(&owner, sc_op_fill, SC_SEED, 0, 0, 0));
	EXPECT_SETTLES(self->seg.len, group, "shmem");
	/* The writer and a mapper outside get it neither charged nor for nothing. */
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_SETTLES(self->seg.len, group, "file_mapped");
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_SETTLES(self->seg.len, group, "shmem");
	EXPECT_SETTLES(self->seg.len, group, "shmem_thp");
	EXPECT_SETTLES(self->seg.len, group, "file_mapped");
	sc_kill(&owner, 1);
	sc_destroy(&self->seg);
	EXPECT_SETTLES(0, group, "shmem");
	EXPECT_SETTLES(0, group, "shmem_thp");
	sc_cgroup_remove(group);
}

SC_TEST(charged_to_the_group_that_owns_most)
{
	size_t few = sc_nr() / 8;
	struct sc_mapper a, b;
	char ga[128], gb[128];
	int err;

	err = sc_cgroup_create(ga, sizeof(ga), "sc-few");
	if (err)
		SKIP(return, NO_CGROUP);
	err = sc_cgroup_create(gb, sizeof(gb), "sc-most");
	if (err)
		SKIP(return, NO_CGROUP);
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	ASSERT_EQ(0, sc_spawn(&a, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_spawn(&b, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_cgroup_enter(ga, a.pid));
	ASSERT_EQ(0, sc_cgroup_enter(gb, b.pid));
	ASSERT_EQ(0, sc_call(&a, op_fill_part, 0, few, 0, 0));
	ASSERT_EQ(0, sc_call(&b, op_fill_part, few, sc_nr() - few, 0, 0));
	EXPECT_SETTLES(few * sc_page(), ga, "shmem");
	EXPECT_ERRNO(0, sc_collapse(a.pid, a.addr, self->seg.len));
	EXPECT_SETTLES(0, ga, "shmem");
	EXPECT_SETTLES(sc_extent(), gb, "shmem");
	sc_kill(&a, 1);
	sc_kill(&b, 1);
	sc_destroy(&self->seg);
	EXPECT_SETTLES(0, gb, "shmem");
	sc_cgroup_remove(ga);
	sc_cgroup_remove(gb);
}

SC_TEST(H14_limit_of_the_group)
{
	struct sc_account before, after;
	struct sc_mapper owner;
	char group[128], file[200], limit[32];
	int err;

	err = sc_cgroup_create(group, sizeof(group), "sc-limit");
	if (err)
		SKIP(return, NO_CGROUP);
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	ASSERT_EQ(0, sc_spawn(&owner, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_cgroup_enter(group, owner.pid));
	ASSERT_EQ(0, sc_call(&owner, sc_op_fill, SC_SEED, 0, 0, 0));
	snprintf(file, sizeof(file), "%s/memory.max", group);
	snprintf(limit, sizeof(limit), "%zu", 2 * sc_extent() - sc_extent() / 8);
	ASSERT_EQ(0, sc_write_file(file, limit));
	EXPECT_SETTLES(sc_extent(), group, "shmem");
	sc_account(&before, self->seg.fd, owner.pid, group);
	EXPECT_ERRNO(ENOMEM, sc_collapsef("%s", self->seg.path));
	sc_account(&after, self->seg.fd, owner.pid, group);
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_GROWN(1, "failed_memcg_limit");
	EXPECT_EQ(0, sc_call(&owner, sc_op_verify, SC_SEED, 0, 0, 0));
	ASSERT_EQ(0, sc_write_file(file, "max"));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(0, sc_call(&owner, sc_op_verify, SC_SEED, 0, 0, 0));
	sc_kill(&owner, 1);
	sc_destroy(&self->seg);
	sc_cgroup_remove(group);
}

/* --- no memory ------------------------------------------------------------------------------- */

/* The pool of hugetlb takes every huge page that is free, and what can be made free. */
static int take_all_huge_pages(void)
{
	return sc_write_file("/proc/sys/vm/nr_hugepages", "1000000");
}

#define SPARE_SIZE	(64ul << 20)
#define SPARE_PIECE	(64ul << 10)

/* Memory in small pages, of which every second piece is given back when no huge page is left. */
static char *spare_memory(void)
{
	char *spare = mmap(NULL, SPARE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (spare != MAP_FAILED) {
		madvise(spare, SPARE_SIZE, MADV_NOHUGEPAGE);
		memset(spare, 1, SPARE_SIZE);
	}
	return spare;
}

/* Or somebody who needs two pages in a row ends the test, out of memory. */
static void leave_small_pieces(char *spare)
{
	size_t at;

	for (at = 0; at < SPARE_SIZE; at += 2 * SPARE_PIECE)
		madvise(spare + at, SPARE_PIECE, MADV_DONTNEED);
}

SC_TEST(no_huge_page_is_left)
{
	char *spare;
	bool swap;
	int tries, err = 0;

	if (sc_switch("/proc/sys/vm/nr_hugepages", "0"))
		SKIP(return, "this kernel has no hugetlb pages");
	/* Or something of everybody's would go to swap, and come back during other tests. */
	swap = !swapoff("/dev/zram0");
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 1, SC_SEED));
	spare = spare_memory();
	ASSERT_NE(MAP_FAILED, spare);
	/* Somebody may give one back at any moment. */
	for (tries = 0; tries < 20 && !err; tries++) {
		ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				       self->seg.len));
		sc_fill(self->seg.addr, self->seg.len, SC_SEED, 0);
		ASSERT_EQ(0, take_all_huge_pages());
		leave_small_pieces(spare);
		err = sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20);
	}
	munmap(spare, SPARE_SIZE);
	EXPECT_EQ(ENOMEM, err);
	EXPECT_GROWN(1, "failed_no_huge_page");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	sc_restore_switches();
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	if (swap)
		EXPECT_EQ(0, swapon("/dev/zram0", 0));
}

/* --- interrupted requests -------------------------------------------------------------------- */

/* Enough extents for a request that takes a while, at most half a gigabyte. */
static size_t many(void)
{
	size_t n = (512ul << 20) / sc_extent(), most = sc_brief() ? 32 : 96;

	return n > most ? most : n < 2 ? 2 : n;
}

/* A process that collapses the segment; it ends with the errno. */
static pid_t start_writer(struct sc_segment *seg)
{
	pid_t owner = getpid(), pid = sc_fork();

	if (!pid)
		_exit(sc_collapse(owner, seg->addr, seg->len));
	return pid;
}

/* Waits until the first extents are huge: the request is on its way. */
static void wait_for_progress(struct sc_segment *seg)
{
	while (sc_huge_mapped(getpid(), seg->addr, 2 * sc_extent()) < 2)
		usleep(200);
}

SC_TEST(H14_killed_writer)
{
	struct sc_account before, after;
	struct sc_mapper m[MAPPERS];
	size_t huge = 0;
	int round, i;

	for (round = 0; round < 5; round++) {
		pid_t writer;

		ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, many(), SC_SEED));
		ASSERT_EQ(0, sc_spawn_n(m, MAPPERS, &self->seg, SC_UNRELATED));
		for (i = 0; i < MAPPERS; i++)
			ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		sc_account(&before, self->seg.fd, m[0].pid, NULL);
		writer = start_writer(&self->seg);
		wait_for_progress(&self->seg);
		kill(writer, SIGKILL);
		sc_join(writer);

		huge = sc_huge_mapped(getpid(), self->seg.addr, self->seg.len);
		sc_account(&after, self->seg.fd, m[0].pid, NULL);
		EXPECT_LE(2, huge);
		EXPECT_EQ(before.shmem_huge + (long long)(huge * sc_extent()), after.shmem_huge);
		after.shmem_huge = before.shmem_huge;
		EXPECT_UNCHANGED(&before, &after);
		for (i = 0; i < MAPPERS; i++) {
			EXPECT_EQ((int)huge, sc_huge_mapped(m[i].pid, m[i].addr, self->seg.len));
			EXPECT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
		}
		sc_kill(m, MAPPERS);
		if (huge < many())
			break;
		sc_destroy(&self->seg);
	}
	if (huge >= many())
		SKIP(return, "every request was finished before the signal came");
	/* What was left over can be done by the next one. */
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ((int)many(), sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

static void nothing(int signal)
{
}

/* What guest.c tells about signals, with the accounts. */
SC_TEST(H14_signal_that_does_not_kill)
{
	struct sc_account before, after;
	pid_t writer, owner = getpid();
	int huge;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, many(), SC_SEED));
	sc_account(&before, self->seg.fd, owner, NULL);
	writer = sc_fork();
	if (!writer) {
		signal(SIGUSR1, nothing);
		_exit(sc_collapse(owner, self->seg.addr, self->seg.len));
	}
	wait_for_progress(&self->seg);
	kill(writer, SIGUSR1);
	EXPECT_ERRNO(EINTR, sc_join(writer));
	huge = sc_huge_mapped(getpid(), self->seg.addr, self->seg.len);
	sc_account(&after, self->seg.fd, owner, NULL);
	EXPECT_EQ(before.shmem_huge + huge * (long long)sc_extent(), after.shmem_huge);
	after.shmem_huge = before.shmem_huge;
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_LE(2, huge);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(H29_target_that_dies)
{
	long long shmem = sc_meminfo("Shmem"), huge = sc_meminfo("ShmemHugePages");
	struct sc_mapper m;
	pid_t writer;
	int err;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, many() / 2, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_FORKED));
	ASSERT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	writer = sc_fork();
	if (!writer)
		_exit(sc_collapse(m.pid, m.addr, self->seg.len));
	wait_for_progress(&self->seg);
	sc_kill(&m, 1);
	err = sc_join(writer);
	EXPECT_TRUE(!err || err == ESRCH || err == ENOMEM || err == EAGAIN)
		TH_LOG("%s", strerror(err));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	sc_destroy(&self->seg);
	EXPECT_EQ(shmem, sc_meminfo("Shmem"));
	EXPECT_EQ(huge, sc_meminfo("ShmemHugePages"));
}

TEST_HARNESS_MAIN
