// SPDX-License-Identifier: GPL-2.0
/* What an unprivileged caller of the device could gain or take, besides charge and nodes. */
#include "device.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SC_OWN_FIXTURE
#include "fixture.h"
#include "member.h"

FIXTURE(permission)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_SETUP(permission)
{
	SC_SETUP();
	ASSERT_EQ(0, chown(SC_DEVICE, 0, GROUP));
}

FIXTURE_TEARDOWN(permission)
{
	EXPECT_EQ(0, chown(SC_DEVICE, 0, 0));
	SC_TEARDOWN();
}

#define PERMISSION_TEST(name) TEST_F_TIMEOUT(permission, name, SC_TIMEOUT)

/* The outcome of the extent at @at, as an exit status. */
static int outcome_at(char *at)
{
	int fd = sc_device();
	struct sc_told told = sc_tell(fd, at, sc_extent());

	return fd < 0 || told.count != 1 ? UNABLE : (int)told.outcome[0];
}

/* The same for the extent of @file, mapped with @prot, asked by a member. */
static int outcome_of_member(int file, int prot)
{
	pid_t pid = sc_fork();

	if (!pid) {
		char *at = sc_map(file, sc_extent(), prot, MAP_SHARED, 0);

		if (at == MAP_FAILED)
			_exit(UNABLE - 1);
		become_member(true);
		_exit(outcome_at(at));
	}
	return sc_join(pid);
}

/* --- files that must not be written -------------------------------------------------------- */

/* A memfd of which the first @pages pages of its only extent are there. */
static int sealable(size_t pages, size_t len)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *page = malloc(sc_page());
	size_t i;

	if (fd < 0 || ftruncate(fd, len))
		return -1;
	for (i = 0; i < pages; i++) {
		sc_fill_page(page, SC_SEED, i);
		if (pwrite(fd, page, sc_page(), i * sc_page()) != (ssize_t)sc_page())
			return -1;
	}
	free(page);
	return fd;
}

static long long blocks(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (long long)st.st_blocks;
}

PERMISSION_TEST(sealed_files)
{
	static const int seals[] = {
		F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK,
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(seals); i++) {
		long long before;

		fd = sealable(1, sc_extent());
		ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, seals[i]));
		before = blocks(fd);
		EXPECT_EQ(SHMEM_COLLAPSE_TOO_MANY_HOLES, outcome_of_member(fd, PROT_READ));
		EXPECT_EQ(before, blocks(fd));
		close(fd);

		fd = sealable(sc_nr(), sc_extent());
		ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, seals[i]));
		EXPECT_EQ(SHMEM_COLLAPSE_COLLAPSED, outcome_of_member(fd, PROT_READ));
		EXPECT_EQ(seals[i], fcntl(fd, F_GET_SEALS));
		EXPECT_EQ(0, sc_verify_fd(fd, sc_extent(), SC_SEED));
		close(fd);
	}
	EXPECT_GROWN(0, "holes_filled");
}

/* The extent in which a file ends is filled, but the file does not grow. */
PERMISSION_TEST(file_that_must_not_grow)
{
	size_t len = sc_extent() - sc_page();
	struct stat st;
	int fd = sealable(sc_nr() - 1, len);

	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	EXPECT_EQ(SHMEM_COLLAPSE_COLLAPSED, outcome_of_member(fd, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(len, st.st_size);
	EXPECT_EQ(-1, ftruncate(fd, sc_extent()));
	EXPECT_EQ(0, sc_verify_fd(fd, len, SC_SEED));
	close(fd);
}

/* A mapping stays what it is when the file's mode changes, and the device goes by mappings. */
PERMISSION_TEST(mode_that_changed)
{
	int rw, ro;

	ASSERT_EQ(0, sc_create(&self->seg, SC_TMPFS, 1));
	rw = open(self->seg.path, O_RDWR | O_CLOEXEC);
	ro = open(self->seg.path, O_RDONLY | O_CLOEXEC);
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill_page(self->seg.addr, SC_SEED, 0);
	/* Readable and writable for all, but open for reading. */
	ASSERT_EQ(0, fchmod(ro, 0666));
	EXPECT_EQ(SHMEM_COLLAPSE_TOO_MANY_HOLES, outcome_of_member(ro, PROT_READ));
	/* For nobody, but open for writing: what the holder can fill by a touch, too. */
	ASSERT_EQ(0, fchmod(ro, 0));
	EXPECT_EQ(SHMEM_COLLAPSE_COLLAPSED, outcome_of_member(rw, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(sc_page_is(self->seg.addr, SC_SEED, 0));
	close(rw);
	close(ro);
}

/* --- memory that is none of its business --------------------------------------------------- */

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static int other_memory(int file)
{
	if (file < 0 || ftruncate(file, sc_extent()))
		return -1;
	return outcome_of_member(file, PROT_READ | PROT_WRITE);
}

PERMISSION_TEST(secret_memory)
{
	int fd = syscall(SYS_memfd_secret, 0), outcome;

	if (fd < 0)
		SKIP(return, "no memfd_secret(): %s", strerror(errno));
	outcome = other_memory(fd);
	if (outcome == UNABLE - 1)
		SKIP(return, "secret memory cannot be mapped (RLIMIT_MEMLOCK)");
	EXPECT_EQ(SHMEM_COLLAPSE_NOT_SHMEM, outcome);
	close(fd);
}

PERMISSION_TEST(hugetlb_memory)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB), outcome = -1;
	long long pool = sc_read_number("/proc/sys/vm/nr_hugepages");
	char text[32];

	if (fd < 0 || pool < 0)
		SKIP(return, "no hugetlb");
	snprintf(text, sizeof(text), "%lld", pool + 1);
	sc_write_file("/proc/sys/vm/nr_hugepages", text);
	outcome = other_memory(fd);
	close(fd);
	snprintf(text, sizeof(text), "%lld", pool);
	sc_write_file("/proc/sys/vm/nr_hugepages", text);
	if (outcome == UNABLE - 1)
		SKIP(return, "no huge page for hugetlb");
	EXPECT_EQ(SHMEM_COLLAPSE_NOT_SHMEM, outcome);
}

/* One whose memory others may not look at may look at it itself. */
PERMISSION_TEST(caller_that_cannot_be_dumped)
{
	pid_t pid;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	pid = sc_fork();
	if (!pid) {
		become_member(true);
		if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
			_exit(UNABLE);
		_exit(outcome_at(self->seg.addr));
	}
	EXPECT_EQ(SHMEM_COLLAPSE_COLLAPSED, sc_join(pid));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* --- other ways into the device ------------------------------------------------------------ */

/* One operation of io_uring on @fd; returns its result. @worker: not by the caller's own thread. */
static int uring(int op, int fd, void *data, unsigned int len, bool worker)
{
	struct io_uring_params p = {};
	int ring = syscall(SYS_io_uring_setup, 1, &p), result = -EOPNOTSUPP;
	struct io_uring_sqe *sqe;
	char *rings;

	if (ring < 0)
		return -EOPNOTSUPP;
	rings = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe) +
		     p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		     IORING_OFF_SQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		   IORING_OFF_SQES);
	if (rings != MAP_FAILED && sqe != MAP_FAILED && (p.features & IORING_FEAT_SINGLE_MMAP)) {
		memset(sqe, 0, sizeof(*sqe));
		sqe->opcode = op;
		sqe->fd = fd;
		sqe->flags = worker ? IOSQE_ASYNC : 0;
		sqe->addr = op == IORING_OP_URING_CMD ? 0 : (unsigned long)data;
		sqe->len = len;
		*(uint32_t *)(rings + p.sq_off.array) = 0;
		__atomic_store_n((uint32_t *)(rings + p.sq_off.tail), 1, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1)
			result = ((struct io_uring_cqe *)(rings + p.cq_off.cqes))->res;
	}
	close(ring);
	return result;
}

static void request_for(const struct sc_segment *seg, char *text, size_t size)
{
	unsigned long at = (unsigned long)seg->addr;

	snprintf(text, size, "%d,0x%lx,0x%lx", getpid(), at, at + seg->len);
}

PERMISSION_TEST(writes_by_io_uring)
{
	char request[96], answer[SC_MAX_ANSWER];
	int admins = sc_device(), i;
	pid_t pid;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	request_for(&self->seg, request, sizeof(request));
	if (uring(IORING_OP_NOP, -1, NULL, 0, false))
		SKIP(return, "no io_uring");
	for (i = 0; i < 4; i++) {
		pid = sc_fork();
		if (!pid) {
			int fd;

			become_member(true);
			fd = i & 1 ? admins : sc_device();
			_exit(-uring(IORING_OP_WRITE, fd, request, strlen(request), i & 2));
		}
		EXPECT_ERRNO(EPERM, sc_join(pid));
	}
	/* The file of a member. */
	pid = sc_fork();
	if (!pid) {
		const gid_t group = GROUP;
		int fd;

		if (setgroups(1, &group) || setresuid(NOBODY, NOBODY, 0))
			_exit(UNABLE);
		fd = sc_device();
		if (setresuid(0, 0, 0))
			_exit(UNABLE);
		_exit(-uring(IORING_OP_WRITE, fd, request, strlen(request), true));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_GROWN(0, "requests");
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	/* The administrator's own, in another thread's context. */
	EXPECT_EQ((int)strlen(request),
		  uring(IORING_OP_WRITE, admins, request, strlen(request), true));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_LT(0, uring(IORING_OP_READ, admins, answer, sizeof(answer), true));
	EXPECT_EQ(0, strncmp(answer, "running 0\n", 10));
	close(admins);
}

PERMISSION_TEST(no_other_way)
{
	int fd, pair[2];
	pid_t pid;

	ASSERT_EQ(0, pipe2(pair, O_CLOEXEC));
	pid = sc_fork();
	if (!pid) {
		int err;

		become_member(true);
		fd = sc_device();
		if (mmap(NULL, sc_page(), PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED ||
		    errno != ENODEV)
			_exit(1);
		if (splice(fd, NULL, pair[1], NULL, 1, SPLICE_F_NONBLOCK) != -1 || errno != EINVAL)
			_exit(2);
		if (write(pair[1], "0", 1) != 1 ||
		    splice(pair[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK) != -1)
			_exit(3);
		if (sendfile(pair[1], fd, NULL, 1) != -1 || errno != EINVAL)
			_exit(4);
		err = uring(IORING_OP_URING_CMD, fd, NULL, 0, false);
		if (err != -EOPNOTSUPP)
			_exit(5);
		if (ftruncate(fd, 0) != -1 || fallocate(fd, 0, 0, 1) != -1)
			_exit(6);
		_exit(0);
	}
	pid = sc_join(pid);
	EXPECT_EQ(0, pid) TH_LOG("step %d", pid);
	EXPECT_GROWN(0, "requests");
	close(pair[0]);
	close(pair[1]);
}

/* --- time and kernel memory ---------------------------------------------------------------- */

#define INSTANCE	"/sys/kernel/tracing/instances/shmem_collapse_permission"
#define EVENT		INSTANCE "/events/shmem_collapse/shmem_collapse_extent/enable"
#define EXTENTS		8

/* How many extents were traced; those of which @pid was not the one at work go to @others. */
static int traced(pid_t pid, int *others)
{
	FILE *f = fopen(INSTANCE "/trace", "re");
	char line[1024], who[32];
	int n = 0;

	snprintf(who, sizeof(who), "-%d ", pid);
	for (*others = 0; f && fgets(line, sizeof(line), f);) {
		char *at = strstr(line, "shmem_collapse_extent: ");

		if (!at)
			continue;
		n++;
		*at = '\0';
		*others += !strstr(line, who);
	}
	if (f)
		fclose(f);
	return n;
}

/* The administrator's helpers do not work for others. */
PERMISSION_TEST(the_caller_does_the_work)
{
	int others;
	pid_t pid;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, sc_knob_set_number("workers", sysconf(_SC_NPROCESSORS_ONLN)));
	mkdir(INSTANCE, 0700);
	ASSERT_EQ(0, sc_write_file(EVENT, "1"));
	pid = sc_fork();
	if (!pid) {
		struct sc_told told;

		become_member(true);
		told = sc_tell(sc_device(), self->seg.addr, self->seg.len);
		_exit(told.err);
	}
	EXPECT_ERRNO(0, sc_join(pid));
	EXPECT_EQ(EXTENTS, traced(pid, &others));
	EXPECT_EQ(0, others);
	sc_write_file(EVENT, "0");
	rmdir(INSTANCE);
	EXPECT_EQ(EXTENTS, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

#define OPEN_FILES	2000

/* What an open file needs is charged to who opened it. */
PERMISSION_TEST(open_files_are_paid_for)
{
	const struct rlimit many = { .rlim_cur = OPEN_FILES + 64, .rlim_max = OPEN_FILES + 64 };
	char group[128];
	int up[2], down[2];
	char byte = 0;
	long long before;
	pid_t pid;

	if (sc_cgroup_create(group, sizeof(group), "sc-permission"))
		SKIP(return, "no memory control groups");
	ASSERT_EQ(0, pipe2(up, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(down, O_CLOEXEC));
	pid = sc_fork();
	if (!pid) {
		int i, bad = setrlimit(RLIMIT_NOFILE, &many);

		become_member(true);
		bad |= write(up[1], "", 1) != 1 || read(down[0], &byte, 1) != 1;
		for (i = 0; i < OPEN_FILES; i++)
			bad |= sc_device() < 0;
		bad |= write(up[1], "", 1) != 1 || read(down[0], &byte, 1) != 1;
		_exit(bad);
	}
	ASSERT_EQ(1, read(up[0], &byte, 1));
	ASSERT_EQ(0, sc_cgroup_enter(group, pid));
	before = sc_cgroup_stat(group, "slab");
	ASSERT_EQ(1, write(down[1], "", 1));
	ASSERT_EQ(1, read(up[0], &byte, 1));
	EXPECT_LT(before + OPEN_FILES * 1024, sc_cgroup_stat(group, "slab"));
	ASSERT_EQ(1, write(down[1], "", 1));
	EXPECT_EQ(0, sc_join(pid));
	sc_cgroup_remove(group);
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(down[1]);
}

TEST_HARNESS_MAIN
