// SPDX-License-Identifier: GPL-2.0
/* The device: its argument, who may use it, and whose memory it acts on. */
#include "device.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SC_OWN_FIXTURE
#include "fixture.h"

#define NOBODY	65534
#define GROUP	54321
#define EXTENTS	3

FIXTURE(device)
{
	struct sc_stats before;
	struct sc_segment seg;
	int fd;
};

FIXTURE_SETUP(device)
{
	SC_SETUP();
	self->fd = sc_device();
	ASSERT_LE(0, self->fd) TH_LOG("%s: %s", SC_DEVICE, strerror(errno));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
}

FIXTURE_TEARDOWN(device)
{
	close(self->fd);
	SC_TEARDOWN();
}

#define DEVICE_TEST(name) TEST_F_TIMEOUT(device, name, SC_TIMEOUT)

/* All of the segment is huge, or none, and holds what was written to it. */
#define EXPECT_HUGE(extents) do { \
	EXPECT_EQ(extents, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len)); \
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0)); \
} while (0)

#define EXPECT_TOLD(told, at, what) EXPECT_EQ((uint32_t)(what), (told).outcome[at])

static struct shmem_collapse_range range_of(struct sc_segment *seg)
{
	return (struct shmem_collapse_range){
		.addr = (unsigned long)seg->addr, .len = seg->len,
	};
}

/* --- the answer ------------------------------------------------------------------------------ */

DEVICE_TEST(every_extent_is_answered)
{
	struct sc_told told;
	int i;

	told = sc_tell(self->fd, self->seg.addr + sc_extent(), sc_extent());
	ASSERT_ERRNO(0, told.err);
	EXPECT_EQ(1, told.count);
	EXPECT_TOLD(told, 0, SHMEM_COLLAPSE_COLLAPSED);
	told = sc_tell(self->fd, self->seg.addr, self->seg.len);
	ASSERT_ERRNO(0, told.err);
	EXPECT_EQ(EXTENTS, told.count);
	EXPECT_TOLD(told, 0, SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_TOLD(told, 1, SHMEM_COLLAPSE_ALREADY_HUGE);
	EXPECT_TOLD(told, 2, SHMEM_COLLAPSE_COLLAPSED);
	for (i = EXTENTS; i < SC_MAX_TOLD; i++)
		EXPECT_TOLD(told, i, SC_UNTOLD);
	EXPECT_HUGE(EXTENTS);
	EXPECT_GROWN(2, "requests");
	EXPECT_GROWN(4, "extents");
}

DEVICE_TEST(room_for_fewer)
{
	struct sc_told told = sc_tell_some(self->fd, self->seg.addr, self->seg.len, 2);

	ASSERT_ERRNO(0, told.err);
	EXPECT_EQ(EXTENTS, told.count);
	EXPECT_TOLD(told, 1, SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_TOLD(told, 2, SC_UNTOLD);
	EXPECT_HUGE(EXTENTS);
}

DEVICE_TEST(room_for_none)
{
	struct shmem_collapse_range range = range_of(&self->seg);

	/* Not looked at. */
	range.outcomes = 1;
	ASSERT_ERRNO(0, sc_device_raw(self->fd, &range));
	EXPECT_EQ(EXTENTS, range.nr_outcomes);
	EXPECT_EQ(0, range.flags);
	EXPECT_EQ(1, range.outcomes);
	EXPECT_EQ((unsigned long)self->seg.addr, range.addr);
	EXPECT_EQ(self->seg.len, range.len);
	EXPECT_HUGE(EXTENTS);
}

/* The first failure is the errno, the others are told, and all were tried. */
DEVICE_TEST(failures_among_others)
{
	struct sc_told told;

	ASSERT_EQ(0, madvise(self->seg.addr, sc_extent(), MADV_REMOVE));
	ASSERT_EQ(0, munmap(self->seg.addr + sc_extent(), sc_extent()));
	told = sc_tell(self->fd, self->seg.addr, self->seg.len);
	EXPECT_ERRNO(ENODATA, told.err);
	EXPECT_EQ(EXTENTS, told.count);
	EXPECT_TOLD(told, 0, SHMEM_COLLAPSE_EMPTY);
	EXPECT_TOLD(told, 1, SHMEM_COLLAPSE_UNMAPPED);
	EXPECT_TOLD(told, 2, SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_EQ(0, sc_verify(self->seg.addr + 2 * sc_extent(), sc_extent(), SC_SEED,
			       2 * sc_nr()));
}

DEVICE_TEST(range_is_rounded_inwards)
{
	struct sc_told told;

	told = sc_tell(self->fd, self->seg.addr + 1, self->seg.len - 2);
	ASSERT_ERRNO(0, told.err);
	EXPECT_EQ(1, told.count);
	EXPECT_TOLD(told, 0, SHMEM_COLLAPSE_COLLAPSED);
	EXPECT_HUGE(1);
	told = sc_tell(self->fd, self->seg.addr, sc_extent() - 1);
	EXPECT_ERRNO(0, told.err);
	EXPECT_EQ(0, told.count);
	told = sc_tell(self->fd, NULL, 0);
	EXPECT_ERRNO(0, told.err);
	EXPECT_EQ(0, told.count);
	EXPECT_GROWN(1, "extents");
}

/* More extents than are worked off at once. */
DEVICE_TEST(many_extents)
{
	const size_t many = 600;
	uint32_t *outcome = malloc(many * sizeof(*outcome));
	struct shmem_collapse_range range;
	char *at = sc_reserve(many * sc_extent(), 0);
	size_t i;

	ASSERT_NE(NULL, outcome);
	memset(outcome, 0xff, many * sizeof(*outcome));
	/* Mapped at every 299th extent: in the first, second and third lot. */
	for (i = 0; i < EXTENTS; i++)
		ASSERT_EQ(at + 299 * i * sc_extent(),
			  mmap(at + 299 * i * sc_extent(), sc_extent(), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED_NOREPLACE, self->seg.fd, i * sc_extent()));
	range = (struct shmem_collapse_range){
		.addr = (unsigned long)at, .len = many * sc_extent(),
		.nr_outcomes = many - 1, .outcomes = (unsigned long)outcome,
	};
	EXPECT_ERRNO(ENOMEM, sc_device_raw(self->fd, &range));
	EXPECT_EQ(many, range.nr_outcomes);
	for (i = 0; i < many - 1; i++)
		EXPECT_EQ(i % 299 ? SHMEM_COLLAPSE_UNMAPPED : SHMEM_COLLAPSE_COLLAPSED, outcome[i])
			TH_LOG("extent %zu", i);
	EXPECT_EQ(~0u, outcome[many - 1]);
	EXPECT_GROWN(many, "extents");
	EXPECT_GROWN(EXTENTS, "collapsed");
	free(outcome);
}

/* --- malformed requests ---------------------------------------------------------------------- */

DEVICE_TEST(other_flags_are_refused)
{
	int bit;

	for (bit = 0; bit < 32; bit++) {
		struct shmem_collapse_range range = range_of(&self->seg);

		range.flags = 1u << bit;
		if (range.flags == SHMEM_COLLAPSE_REAP)
			continue;
		range.nr_outcomes = 7;
		EXPECT_ERRNO(EINVAL, sc_device_raw(self->fd, &range));
		EXPECT_EQ(7, range.nr_outcomes);
	}
	EXPECT_HUGE(0);
	EXPECT_GROWN(0, "requests");
}

DEVICE_TEST(other_commands)
{
	struct shmem_collapse_range range = range_of(&self->seg);
	const unsigned long command[] = {
		0, ~0u, SHMEM_COLLAPSE_RANGE + 1, SHMEM_COLLAPSE_RANGE - 1,
		_IOW('h', 0xC0, struct shmem_collapse_range),
		_IOR('h', 0xC0, struct shmem_collapse_range),
		_IOWR('h', 0xC0, __u64), _IOWR('i', 0xC0, struct shmem_collapse_range),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(command); i++) {
		EXPECT_EQ(-1, ioctl(self->fd, command[i], &range));
		EXPECT_EQ(ENOTTY, errno) TH_LOG("command 0x%lx", command[i]);
	}
	EXPECT_HUGE(0);
}

DEVICE_TEST(addresses_that_cannot_be)
{
	const struct {
		unsigned long long addr, len;
	} bad[] = {
		{ ~0ull, 1 }, { 1, ~0ull }, { ~0ull, ~0ull }, { 0, ~0ull },
		{ 1ull << 63, 1ull << 63 }, { ~0ull - sc_extent() + 1, sc_extent() },
		{ (unsigned long)self->seg.addr, 1ull << 63 },
		/* Beyond 56 bits of user space, and no tag, for which bit 55 would have to be 0. */
		{ 3ull << 55, sc_extent() },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct shmem_collapse_range range = {
			.addr = bad[i].addr, .len = bad[i].len, .nr_outcomes = 7,
		};

		EXPECT_EQ(EINVAL, sc_device_raw(self->fd, &range))
			TH_LOG("0x%llx + 0x%llx", bad[i].addr, bad[i].len);
		EXPECT_EQ(7, range.nr_outcomes);
	}
	EXPECT_HUGE(0);
	EXPECT_GROWN(0, "extents");
}

/* Two pages of which the second is not there. */
static char *last_page(void)
{
	char *p = mmap(NULL, 2 * sc_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	munmap(p + sc_page(), sc_page());
	return p;
}

DEVICE_TEST(bad_pointer_to_the_argument)
{
	struct shmem_collapse_range *cut = (void *)(last_page() + sc_page() - sizeof(*cut) / 2);
	const unsigned long bad[] = {
		0, 1, (unsigned long)cut, 1ul << 63, ~0ul, ~0ul - sizeof(*cut), 0xffff888000000000,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		unsigned long at = bad[i];

		EXPECT_EQ(EFAULT, sc_device_raw(self->fd, (void *)at)) TH_LOG("pointer 0x%lx", at);
	}
	EXPECT_HUGE(0);
	EXPECT_GROWN(0, "requests");
}

DEVICE_TEST(argument_that_cannot_be_written)
{
	struct shmem_collapse_range *range = (void *)last_page();

	*range = range_of(&self->seg);
	ASSERT_EQ(0, mprotect(range, sc_page(), PROT_READ));
	EXPECT_ERRNO(EFAULT, sc_device_raw(self->fd, range));
	EXPECT_EQ(0, range->nr_outcomes);
	/* The work was done by then. */
	EXPECT_HUGE(EXTENTS);
}

DEVICE_TEST(bad_pointer_to_the_outcomes)
{
	uint32_t *cut = (uint32_t *)(last_page() + sc_page()) - 1;
	const unsigned long bad[] = {
		0, (unsigned long)cut, 1ul << 63, ~0ul, 0xffff888000000000,
	};
	struct shmem_collapse_range range;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		range = range_of(&self->seg);
		range.outcomes = bad[i];
		range.nr_outcomes = EXTENTS;
		EXPECT_EQ(EFAULT, sc_device_raw(self->fd, &range))
			TH_LOG("pointer 0x%llx", (unsigned long long)range.outcomes);
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	}
	/* What there was room for is there. */
	EXPECT_EQ(SHMEM_COLLAPSE_ALREADY_HUGE, *cut);
	range.outcomes = (unsigned long)cut;
	range.nr_outcomes = 1;
	EXPECT_ERRNO(0, sc_device_raw(self->fd, &range));
}

/* Argument and answer may lie in the very memory that becomes huge. */
DEVICE_TEST(argument_in_the_extent_itself)
{
	struct shmem_collapse_range *range = (void *)self->seg.addr;
	uint32_t *outcome = (void *)(self->seg.addr + self->seg.len - EXTENTS * sizeof(*outcome));

	*range = range_of(&self->seg);
	range->nr_outcomes = EXTENTS;
	range->outcomes = (unsigned long)outcome;
	ASSERT_ERRNO(0, sc_device_raw(self->fd, range));
	EXPECT_EQ(EXTENTS, range->nr_outcomes);
	EXPECT_EQ(SHMEM_COLLAPSE_COLLAPSED, outcome[0]);
	EXPECT_EQ(SHMEM_COLLAPSE_COLLAPSED, outcome[EXTENTS - 1]);
	sc_fill_page(self->seg.addr, SC_SEED, 0);
	sc_fill_page(self->seg.addr + self->seg.len - sc_page(), SC_SEED, EXTENTS * sc_nr() - 1);
	EXPECT_HUGE(EXTENTS);
}

/* --- who may --------------------------------------------------------------------------------- */

/* What a process without privileges gets, with and without the group. */
static int as_nobody(struct sc_segment *seg, bool member)
{
	gid_t group = GROUP;
	pid_t pid = sc_fork();

	if (!pid) {
		struct sc_told told;
		int fd;

		if (setgroups(member, &group) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			_exit(255);
		fd = sc_device();
		if (fd < 0)
			_exit(errno);
		told = sc_tell(fd, seg->addr, seg->len);
		_exit(told.err ?: told.outcome[0] == SHMEM_COLLAPSE_COLLAPSED ? 0 : 254);
	}
	return sc_join(pid);
}

DEVICE_TEST(mode_and_group)
{
	struct stat st;

	ASSERT_EQ(0, stat(SC_DEVICE, &st));
	EXPECT_EQ(S_IFCHR | 0660, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_ERRNO(EACCES, as_nobody(&self->seg, true));
	ASSERT_EQ(0, chown(SC_DEVICE, 0, GROUP));
	EXPECT_ERRNO(EACCES, as_nobody(&self->seg, false));
	EXPECT_HUGE(0);
	EXPECT_ERRNO(0, as_nobody(&self->seg, true));
	EXPECT_EQ(0, chown(SC_DEVICE, 0, st.st_gid));
	EXPECT_HUGE(EXTENTS);
}

/* --- whose memory ---------------------------------------------------------------------------- */

/* Maps something else in place of the segment, and asks an open device. */
static int ask_from_another_mm(int fd, struct sc_segment *seg)
{
	struct sc_segment other;
	struct sc_told told;

	if (munmap(seg->addr, seg->len) || sc_create(&other, SC_MEMFD, EXTENTS))
		return 255;
	other.addr = mmap(seg->addr, seg->len, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED_NOREPLACE, other.fd, 0);
	if (other.addr != seg->addr)
		return 254;
	sc_fill(other.addr, other.len, 77, 0);
	told = sc_tell(fd, seg->addr, seg->len);
	if (told.err)
		return told.err;
	if (sc_huge_mapped(getpid(), other.addr, other.len) != EXTENTS)
		return 253;
	return sc_verify(other.addr, other.len, 77, 0) ? 252 : 0;
}

DEVICE_TEST(inherited_by_a_child)
{
	pid_t pid = sc_fork();

	if (!pid)
		_exit(ask_from_another_mm(self->fd, &self->seg));
	EXPECT_ERRNO(0, sc_join(pid));
	EXPECT_HUGE(0);
}

static int send_descriptor(int sock, int fd)
{
	char space[CMSG_SPACE(sizeof(fd))] = {};
	struct iovec byte = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &byte, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : errno;
}

static int receive_descriptor(int sock)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	int fd = -1;

	if (recvmsg(sock, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

DEVICE_TEST(passed_over_a_socket)
{
	int pair[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = sc_fork();
	if (!pid) {
		int fd;

		close(self->fd);
		fd = receive_descriptor(pair[1]);
		_exit(fd < 0 ? 251 : ask_from_another_mm(fd, &self->seg));
	}
	ASSERT_EQ(0, send_descriptor(pair[0], self->fd));
	/* It works for a process that did not open it, also when ours is closed. */
	close(self->fd);
	EXPECT_ERRNO(0, sc_join(pid));
	EXPECT_HUGE(0);
	self->fd = sc_device();
}

TEST_HARNESS_MAIN
