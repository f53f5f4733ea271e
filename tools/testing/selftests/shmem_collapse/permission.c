// SPDX-License-Identifier: GPL-2.0
/* Who may do what: CAP_SYS_ADMIN, file modes, user and pid namespaces. */
#include "fixture.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NOBODY 65534

/* The errno of writing @request to @fd, as an exit status. */
static int write_status(int fd, const char *request)
{
	ssize_t n = write(fd, request, strlen(request));

	if (n < 0)
		return errno;
	return n == (ssize_t)strlen(request) ? 0 : 255;
}

static int open_collapse(void)
{
	return open(SC_DIR "/collapse", O_WRONLY | O_CLOEXEC);
}

static void become_nobody(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(255);
}

/* A request for the caller's segment. */
static const char *request_for(struct sc_segment *seg)
{
	static char request[96];
	unsigned long at = (unsigned long)seg->addr;

	snprintf(request, sizeof(request), "%d,0x%lx,0x%lx", getpid(), at, at + seg->len);
	return request;
}

#define EXPECT_NOTHING_DONE() do { \
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len)); \
	EXPECT_GROWN(0, "collapsed"); \
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0)); \
} while (0)

#define ONE_EXTENT() \
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED))

SC_TEST(root_without_the_capability)
{
	const char *request;
	pid_t pid;

	ONE_EXTENT();
	request = request_for(&self->seg);
	pid = sc_fork();
	if (!pid) {
		if (sc_drop_cap(CAP_SYS_ADMIN))
			_exit(255);
		_exit(write_status(open_collapse(), request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

SC_TEST(capability_dropped_after_opening)
{
	const char *request;
	pid_t pid;

	ONE_EXTENT();
	request = request_for(&self->seg);
	pid = sc_fork();
	if (!pid) {
		int fd = open_collapse();

		if (sc_drop_cap(CAP_SYS_ADMIN))
			_exit(255);
		_exit(write_status(fd, request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

SC_TEST(unprivileged_user_with_an_open_file)
{
	const char *request;
	pid_t pid;

	ONE_EXTENT();
	request = request_for(&self->seg);
	pid = sc_fork();
	if (!pid) {
		int fd = open_collapse();

		become_nobody();
		_exit(write_status(fd, request));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
	EXPECT_NOTHING_DONE();
}

SC_TEST(unprivileged_user_cannot_open)
{
	static const char * const file[] = {
		"collapse", "max_ptes_none", "max_ptes_swap", "map_all", "direct_reclaim",
		"workers", "target_node", "patience_ms", "stats/reset",
	};
	char path[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(file); i++) {
		pid_t pid = sc_fork();

		if (!pid) {
			snprintf(path, sizeof(path), SC_DIR "/%s", file[i]);
			become_nobody();
			_exit(open(path, O_WRONLY | O_CLOEXEC) < 0 ? errno : 0);
		}
		EXPECT_ERRNO(EACCES, sc_join(pid));
	}
}

/* Malformed or not, an answer tells nothing to those who may not ask. */
SC_TEST(garbage_without_the_capability)
{
	pid_t pid = sc_fork();

	if (!pid) {
		int fd = open_collapse();

		if (sc_drop_cap(CAP_SYS_ADMIN))
			_exit(255);
		_exit(write_status(fd, "garbage"));
	}
	EXPECT_ERRNO(EPERM, sc_join(pid));
}

SC_TEST(root_of_a_user_namespace)
{
	const char *request;
	pid_t pid;

	ONE_EXTENT();
	request = request_for(&self->seg);
	pid = sc_fork();
	if (!pid) {
		int fd = open_collapse();

		if (unshare(CLONE_NEWUSER))
			_exit(254);
		_exit(write_status(fd, request));
	}
	pid = sc_join(pid);
	if (pid == 254)
		SKIP(return, "no user namespaces here");
	EXPECT_ERRNO(EPERM, pid);
	EXPECT_NOTHING_DONE();
}

SC_TEST(pid_of_the_writers_namespace)
{
	pid_t pid;
	int err;

	ONE_EXTENT();
	pid = sc_fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(254);
		pid = fork();
		if (!pid) {
			int fd = open_collapse();

			/* In here we are process 1, and a mapper of the segment. */
			if (getpid() != 1 || sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0))
				_exit(253);
			_exit(write_status(fd, request_for(&self->seg)));
		}
		_exit(sc_join(pid));
	}
	err = sc_join(pid);
	if (err == 254)
		SKIP(return, "no pid namespaces here");
	EXPECT_ERRNO(0, err);
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

SC_TEST(pid_outside_the_writers_namespace)
{
	char request[96];
	pid_t pid;

	ONE_EXTENT();
	snprintf(request, sizeof(request), "%s", request_for(&self->seg));
	pid = sc_fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(254);
		pid = fork();
		if (!pid)
			_exit(write_status(open_collapse(), request));
		_exit(sc_join(pid));
	}
	pid = sc_join(pid);
	if (pid == 254)
		SKIP(return, "no pid namespaces here");
	EXPECT_ERRNO(ESRCH, pid);
	EXPECT_NOTHING_DONE();
}

SC_TEST(modes_of_the_files)
{
	static const struct {
		const char *name;
		mode_t mode;
	} file[] = {
		{ "collapse", 0200 }, { "max_ptes_none", 0644 }, { "max_ptes_swap", 0644 },
		{ "map_all", 0644 }, { "direct_reclaim", 0644 }, { "workers", 0644 },
		{ "target_node", 0644 }, { "patience_ms", 0644 }, { "linked", 0444 },
		{ "stats/reset", 0200 }, { "stats/extents", 0444 }, { "stats/failed_pinned", 0444 },
	};
	char path[96];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(file); i++) {
		snprintf(path, sizeof(path), SC_DIR "/%s", file[i].name);
		ASSERT_EQ(0, stat(path, &st))
			TH_LOG("%s is missing", path);
		EXPECT_EQ(file[i].mode, st.st_mode & 07777)
			TH_LOG("mode of %s", file[i].name);
		EXPECT_EQ(0, st.st_uid);
	}
}

TEST_HARNESS_MAIN
