// SPDX-License-Identifier: GPL-2.0
/* Who may write to the device: who opened it and who writes have to be administrators. */
#include "device.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>

#define SC_OWN_FIXTURE
#include "fixture.h"
#include "member.h"

FIXTURE(permission)
{
	struct sc_stats before;
	struct sc_segment seg;
	char request[96];
};

FIXTURE_SETUP(permission)
{
	unsigned long at;

	SC_SETUP();
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	at = (unsigned long)self->seg.addr;
	snprintf(self->request, sizeof(self->request), "%d,0x%lx,0x%lx", getpid(), at,
		 at + self->seg.len);
	ASSERT_EQ(0, chown(SC_DEVICE, 0, GROUP));
}

FIXTURE_TEARDOWN(permission)
{
	EXPECT_EQ(0, chown(SC_DEVICE, 0, 0));
	SC_TEARDOWN();
}

#define PERMISSION_TEST(name) TEST_F_TIMEOUT(permission, name, SC_TIMEOUT)

#define EXPECT_NOTHING_DONE() do { \
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len)); \
	EXPECT_GROWN(0, "requests"); \
	EXPECT_GROWN(0, "extents"); \
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0)); \
} while (0)

/* Nothing was asked through the file. */
static bool tells_nothing(int fd)
{
	char text[64];

	return read(fd, text, sizeof(text)) == 0 && pread(fd, text, sizeof(text), 0) == 0;
}

static int status_of_request(int fd, const char *request)
{
	int err = sc_ask(fd, request);

	return err && !tells_nothing(fd) ? UNABLE - 1 : err;
}

PERMISSION_TEST(administrator)
{
	pid_t pid = sc_fork();

	if (!pid)
		_exit(sc_ask(sc_device(), self->request));
	EXPECT_ERRNO(0, sc_join(pid));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

PERMISSION_TEST(member_of_the_group)
{
	pid_t pid = sc_fork();

	if (!pid) {
		become_member(true);
		_exit(status_of_request(sc_device(), self->request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

/* Malformed or not, a request tells nothing to those who may not ask. */
PERMISSION_TEST(garbage_of_a_member)
{
	pid_t pid = sc_fork();

	if (!pid) {
		become_member(true);
		_exit(status_of_request(sc_device(), "garbage"));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

PERMISSION_TEST(root_without_the_capability)
{
	pid_t pid = sc_fork();

	if (!pid) {
		if (sc_drop_cap(CAP_SYS_ADMIN))
			_exit(UNABLE);
		_exit(status_of_request(sc_device(), self->request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

/* A descriptor of the administrator is no permission. */
PERMISSION_TEST(writer_who_is_no_administrator_any_more)
{
	pid_t pid = sc_fork();

	if (!pid) {
		int fd = sc_device();

		become_member(true);
		_exit(status_of_request(fd, self->request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

/* A privileged program writes to what it takes for its standard error. */
PERMISSION_TEST(writer_who_was_handed_the_file_of_a_member)
{
	pid_t pid = sc_fork();

	if (!pid) {
		int fd;

		become_member(false);
		fd = sc_device();
		become_root();
		if (fd < 0)
			_exit(UNABLE);
		_exit(status_of_request(fd, self->request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

PERMISSION_TEST(root_of_a_user_namespace)
{
	pid_t pid = sc_fork();
	int err;

	if (!pid) {
		int fd = sc_device();

		if (unshare(CLONE_NEWUSER))
			_exit(UNABLE);
		_exit(status_of_request(fd, self->request));
	}
	err = sc_join(pid);
	if (err == UNABLE)
		SKIP(return, "no user namespaces here");
	EXPECT_ERRNO(EPERM, err);
	EXPECT_NOTHING_DONE();
}

/* An answer that is there stays when somebody else may not ask. */
PERMISSION_TEST(refusal_leaves_the_answer)
{
	int fd = sc_device();
	pid_t pid;

	ASSERT_ERRNO(0, sc_ask(fd, self->request));
	pid = sc_fork();
	if (!pid) {
		become_member(true);
		_exit(sc_ask(fd, self->request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_EQ(1, sc_answered(fd, "collapsed"));
	close(fd);
}

/* Each open file has its own, and none that of another. */
PERMISSION_TEST(answers_are_not_shared)
{
	int fd = sc_device(), other = sc_device();

	ASSERT_ERRNO(0, sc_ask(fd, self->request));
	EXPECT_TRUE(tells_nothing(other));
	ASSERT_ERRNO(0, sc_ask(other, self->request));
	EXPECT_EQ(1, sc_answered(fd, "collapsed"));
	EXPECT_EQ(0, sc_answered(other, "collapsed"));
	close(fd);
	close(other);
}

TEST_HARNESS_MAIN
