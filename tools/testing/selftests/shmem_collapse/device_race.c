// SPDX-License-Identifier: GPL-2.0
/* The device against the caller's own threads, other callers, signals; 32-bit callers. */
#include "device.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"

#define EXTENTS		4
#define RACE_NS		1500000000ull

/* --- threads of the caller ------------------------------------------------------------------- */

struct race {
	struct sc_segment *seg;
	bool stop;
};

/* Takes extents away and puts them back, where they were. */
static void *map_and_unmap(void *arg)
{
	struct race *race = arg;
	struct sc_segment *seg = race->seg;
	size_t i = 0;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		char *at = seg->addr + i * sc_extent();

		munmap(at, sc_extent());
		if (mmap(at, sc_extent(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, seg->fd,
			 i * sc_extent()) != at)
			return at;
		sc_touch(at, sc_extent());
		i = (i + 1) % EXTENTS;
	}
	return NULL;
}

static void *protect(void *arg)
{
	struct race *race = arg;
	struct sc_segment *seg = race->seg;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		if (mprotect(seg->addr, seg->len / 2, PROT_READ) ||
		    mprotect(seg->addr, seg->len / 2, PROT_READ | PROT_WRITE))
			return seg;
	}
	return NULL;
}

static void *punch(void *arg)
{
	struct race *race = arg;
	struct sc_segment *seg = race->seg;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		/* The last page: the rest of the content stays. */
		if (fallocate(seg->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      seg->len - sc_page(), sc_page()))
			return seg;
		sc_fill_page(seg->addr + seg->len - sc_page(), SC_SEED,
			     seg->len / sc_page() - 1);
	}
	return NULL;
}

/* Every answer is one that the race may have, and tells of every extent. */
static bool fair(const struct sc_told *told)
{
	static const uint32_t expected[] = {
		SHMEM_COLLAPSE_COLLAPSED, SHMEM_COLLAPSE_ALREADY_HUGE, SHMEM_COLLAPSE_UNMAPPED,
		SHMEM_COLLAPSE_LOCKED, SHMEM_COLLAPSE_VMA_BUSY, SHMEM_COLLAPSE_FILLED,
		SHMEM_COLLAPSE_LRU, SHMEM_COLLAPSE_RACED, SHMEM_COLLAPSE_TOO_MANY_HOLES,
	};
	int i, k;

	if (told->count != EXTENTS)
		return false;
	for (i = 0; i < EXTENTS; i++) {
		for (k = 0; k < ARRAY_SIZE(expected); k++)
			if (told->outcome[i] == expected[k])
				break;
		if (k == ARRAY_SIZE(expected))
			return false;
	}
	return told->err == 0 || told->err == ENOMEM || told->err == EAGAIN ||
	       told->err == EBUSY;
}

static void race_with(struct __test_metadata *_metadata, struct _test_data_collapse *self,
		      void *(*disturb)(void *))
{
	struct race race = { .seg = &self->seg };
	struct sc_told told;
	pthread_t thread;
	uint64_t end;
	void *failed;
	int fd, tries;

	fd = sc_device();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, pthread_create(&thread, NULL, disturb, &race));
	for (end = sc_now_ns() + RACE_NS; sc_now_ns() < end;) {
		told = sc_tell(fd, self->seg.addr, self->seg.len);
		EXPECT_TRUE(fair(&told))
			TH_LOG("errno %d, %u extents: %u %u %u %u", told.err, told.count,
			       told.outcome[0], told.outcome[1], told.outcome[2], told.outcome[3]);
		if (!fair(&told))
			break;
		sc_split(self->seg.addr, self->seg.len);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
	for (tries = 0; tries < 50; tries++) {
		told = sc_tell(fd, self->seg.addr, self->seg.len);
		if (!told.err)
			break;
		usleep(2000);
	}
	EXPECT_ERRNO(0, told.err);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(EXTENTS, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	close(fd);
}

SC_TEST(thread_that_unmaps)
{
	race_with(_metadata, self, map_and_unmap);
}

SC_TEST(thread_that_protects)
{
	race_with(_metadata, self, protect);
}

SC_TEST(thread_that_punches)
{
	race_with(_metadata, self, punch);
}

/* --- several callers ------------------------------------------------------------------------- */

/* For a second: made huge, split, made huge, by several processes at once. */
static long op_ask(struct sc_child *child, const long *arg)
{
	uint64_t end = sc_now_ns() + RACE_NS;
	int fd = sc_device();
	struct sc_told told;
	bool all = true;

	while (all && sc_now_ns() < end) {
		told = sc_tell(fd, child->addr, child->len);
		all = fair(&told);
		if (arg[0])
			sc_split(child->addr, child->len);
	}
	close(fd);
	return all ? 0 : told.err ?: -1;
}

SC_TEST(several_callers)
{
	struct sc_mapper m[3];
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(m, 3, &self->seg, SC_UNRELATED));
	for (i = 0; i < 3; i++)
		sc_send(&m[i], op_ask, i == 0, 0, 0, 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, sc_wait(&m[i]));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_LT(0, sc_grown(&self->before, "collapsed"));
	sc_kill(m, 3);
}

/* --- signals --------------------------------------------------------------------------------- */

static int signals;

static void count_signal(int signal)
{
	__atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED);
}

/* Each ends a call after the extent it is at; asked again, the device gets there. */
SC_TEST(signals_that_do_not_kill)
{
	struct sc_told told;
	int fd = sc_device(), calls = 0;
	pid_t pid, caller = getpid();

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, SC_MAX_TOLD, SC_SEED));
	signal(SIGUSR1, count_signal);
	pid = sc_fork();
	if (!pid) {
		int i;

		for (i = 0; i < 200; i++) {
			kill(caller, SIGUSR1);
			usleep(500);
		}
		_exit(0);
	}
	while (!__atomic_load_n(&signals, __ATOMIC_RELAXED))
		usleep(100);
	do {
		told = sc_tell(fd, self->seg.addr, self->seg.len);
		/* What no signal ends has tried every extent. */
		if (told.err != EINTR)
			break;
		EXPECT_GE(sc_huge_mapped(getpid(), self->seg.addr, self->seg.len), 1);
	} while (++calls < 400);
	EXPECT_ERRNO(0, told.err);
	EXPECT_EQ(SC_MAX_TOLD, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_join(pid));
	close(fd);
}

/* Killed in the middle: what is done is done, the rest as it was, nothing leaks. */
SC_TEST(signal_that_kills)
{
	struct sc_account before, after;
	int fd = sc_device(), huge;
	pid_t pid;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 64, SC_SEED));
	sc_account(&before, self->seg.fd, getpid(), NULL);
	pid = sc_fork();
	if (!pid) {
		sc_tell(fd, self->seg.addr, self->seg.len);
		_exit(0);
	}
	while (sc_huge_mapped(getpid(), self->seg.addr, sc_extent()) < 1)
		usleep(200);
	kill(pid, SIGKILL);
	sc_join(pid);
	huge = sc_huge_mapped(getpid(), self->seg.addr, self->seg.len);
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_LE(1, huge);
	if (huge == 64)
		SKIP(return, "the request was finished before the signal came");
	EXPECT_EQ(before.shmem_huge + huge * (long long)sc_extent(), after.shmem_huge);
	after.shmem_huge = before.shmem_huge;
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	close(fd);
}

/* --- 32-bit callers -------------------------------------------------------------------------- */

/* device32.c as a file in this program, where the architecture has such programs. */
extern const char device32_start[], device32_end[];

#ifdef __x86_64__
asm(".section .rodata\ndevice32_start:\n.incbin \"device32\"\ndevice32_end:\n.previous\n");
#else
asm(".section .rodata\ndevice32_start:\ndevice32_end:\n.previous\n");
#endif

static size_t device32_len(void)
{
	return (uintptr_t)device32_end - (uintptr_t)device32_start;
}

static int run_device32(int device, int segment)
{
	size_t len = device32_len();
	int file = memfd_create("device32", MFD_CLOEXEC);
	static char * const argv[] = { "device32", NULL };
	pid_t pid;

	if (file < 0 || write(file, device32_start, len) != (ssize_t)len)
		return -EIO;
	pid = sc_fork();
	if (!pid) {
		/* Not in each other's way. */
		device = fcntl(device, F_DUPFD, 10);
		segment = fcntl(segment, F_DUPFD, 10);
		dup2(device, 3);
		dup2(segment, 4);
		fexecve(fcntl(file, F_DUPFD_CLOEXEC, 10), argv, argv + 1);
		_exit(errno == ENOEXEC ? 200 : 201);
	}
	close(file);
	return sc_join(pid);
}

SC_TEST(caller_of_32_bits)
{
	int fd, status;

	if (!device32_len())
		SKIP(return, "no 32-bit program for this architecture");
	fd = sc_device();
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 3, SC_SEED));
	/* One of them is huge already. */
	ASSERT_ERRNO(0, sc_tell(fd, self->seg.addr + sc_extent(), sc_extent()).err);
	status = run_device32(fd, self->seg.fd);
	if (status == 200)
		SKIP(return, "this kernel has no 32-bit programs (CONFIG_IA32_EMULATION)");
	EXPECT_EQ(0, status) TH_LOG("step %d of device32.c", status);
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	close(fd);
}

TEST_HARNESS_MAIN
