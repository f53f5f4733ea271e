// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading, also in the middle of a request. */
#define SC_OWN_FIXTURE
#include "device.h"
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#define MANY 32

FIXTURE(module)
{
	struct sc_stats before;
	struct sc_segment seg;
	bool no_file;
};

FIXTURE_SETUP(module)
{
	SC_SETUP();
	/* Without its file the module would be gone for the tests that follow. */
	self->no_file = sc_load() == ENOENT;
}

FIXTURE_TEARDOWN(module)
{
	if (!sc_loaded())
		EXPECT_EQ(0, sc_load());
	SC_TEARDOWN();
}

#define MODULE_TEST(name) TEST_F_TIMEOUT(module, name, SC_TIMEOUT)

#define NO_FILE "no module file: set SHMEM_COLLAPSE_KO"

MODULE_TEST(second_load_is_refused)
{
	if (self->no_file)
		SKIP(return, NO_FILE);
	EXPECT_ERRNO(EEXIST, sc_load());
	EXPECT_TRUE(sc_loaded());
}

/* A bug report has to tell it. */
MODULE_TEST(tells_how_it_was_linked)
{
	char linked[32];

	ASSERT_EQ(0, sc_read_file(SC_DIR "/linked", linked, sizeof(linked)));
	if (!access(MODULE_LINK, X_OK)) {
		EXPECT_STREQ("load\n", linked);
		return;
	}
	if (strcmp(linked, "exports\n"))
		EXPECT_STREQ("livepatch\n", linked);
}

MODULE_TEST(unload_and_load)
{
	struct sc_stats now;
	int i;

	if (self->no_file)
		SKIP(return, NO_FILE);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, sc_extent()));
	ASSERT_ERRNO(0, sc_knob_set("max_ptes_none", "7"));
	ASSERT_ERRNO(0, sc_unload());
	EXPECT_FALSE(sc_loaded());
	EXPECT_NE(0, access(SC_DIR, F_OK));
	/* What is huge stays huge. */
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));

	ASSERT_ERRNO(0, sc_load());
	EXPECT_EQ((long long)sc_nr() - 1, sc_knob("max_ptes_none"));
	EXPECT_EQ((long long)sc_nr(), sc_knob("max_ptes_swap"));
	EXPECT_EQ(1, sc_knob("map_all"));
	EXPECT_EQ(0, sc_knob("direct_reclaim"));
	EXPECT_EQ(1, sc_knob("workers"));
	EXPECT_EQ(-1, sc_knob("target_node"));
	EXPECT_EQ(200, sc_knob("patience_ms"));
	ASSERT_EQ(0, sc_stats(&now));
	for (i = 0; i < now.count; i++)
		EXPECT_EQ(0, now.stat[i].value);
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

MODULE_TEST(many_times)
{
	int round;

	if (self->no_file)
		SKIP(return, NO_FILE);
	for (round = 0; round < 5; round++) {
		ASSERT_ERRNO(0, sc_unload());
		ASSERT_ERRNO(0, sc_load());
		ASSERT_TRUE(sc_loaded());
	}
}

MODULE_TEST(open_file_outlives_the_module)
{
	char request[16];
	int fd;

	if (self->no_file)
		SKIP(return, NO_FILE);
	fd = open(SC_DIR "/collapse", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_ERRNO(0, sc_unload());
	snprintf(request, sizeof(request), "%d", getpid());
	EXPECT_EQ(-1, write(fd, request, strlen(request)));
	EXPECT_EQ(ENODEV, errno);
	ASSERT_ERRNO(0, sc_load());
	/* The old descriptor does not belong to the new module either. */
	EXPECT_EQ(-1, write(fd, request, strlen(request)));
	close(fd);
}

MODULE_TEST(H19_open_device_keeps_the_module)
{
	struct sc_told told;
	int fd;

	if (self->no_file)
		SKIP(return, NO_FILE);
	fd = sc_device();
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EWOULDBLOCK, sc_unload());
	EXPECT_TRUE(sc_loaded());
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	told = sc_tell(fd, self->seg.addr, self->seg.len);
	EXPECT_ERRNO(0, told.err);
	close(fd);
	ASSERT_ERRNO(0, sc_unload());
	EXPECT_NE(0, access(SC_DEVICE, F_OK));
	ASSERT_ERRNO(0, sc_load());
	EXPECT_EQ(0, access(SC_DEVICE, F_OK));
}

MODULE_TEST(H19_unload_during_a_request)
{
	long long shmem, huge;
	struct sc_mapper m;
	int round, err;

	if (self->no_file)
		SKIP(return, NO_FILE);
	shmem = sc_meminfo("Shmem");
	huge = sc_meminfo("ShmemHugePages");
	for (round = 0; round < (sc_brief() ? 2 : 4); round++) {
		pid_t writer, owner = getpid();

		ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, MANY, SC_SEED));
		ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
		EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
		writer = sc_fork();
		if (!writer)
			_exit(sc_collapse(owner, self->seg.addr, self->seg.len));
		usleep(5000 * (round + 1));
		EXPECT_ERRNO(0, sc_unload());
		EXPECT_FALSE(sc_loaded());
		/* Ended early or not, the request has ended, and by itself. */
		err = sc_join(writer);
		EXPECT_LE(0, err);
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
		EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
		sc_kill(&m, 1);
		sc_destroy(&self->seg);
		EXPECT_EQ(shmem, sc_meminfo("Shmem"));
		EXPECT_EQ(huge, sc_meminfo("ShmemHugePages"));
		ASSERT_ERRNO(0, sc_load());
	}
}

TEST_HARNESS_MAIN
