// SPDX-License-Identifier: GPL-2.0
/*
 * Where memory lies, in a machine with two NUMA nodes: a huge page comes from the nodes that have
 * most of the pages, and from no other, whoever asks.
 */
#include "device.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define SC_OWN_FIXTURE
#include "fixture.h"

#define NODE_DIR	"/sys/devices/system/node"
#define BOTH		3ul

FIXTURE(collapse)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_SETUP(collapse)
{
	if (access(NODE_DIR "/node1/meminfo", R_OK))
		SKIP(return, "one NUMA node");
	SC_SETUP();
}

FIXTURE_TEARDOWN(collapse)
{
	if (!access(NODE_DIR "/node1/meminfo", R_OK))
		SC_TEARDOWN();
}

/* Of the page at @at, which is touched; -1 if that cannot be told. */
static int node_of(const char *at)
{
	int node = -1;

	(void)*(volatile const char *)at;
	syscall(SYS_get_mempolicy, &node, NULL, 0, at, MPOL_F_NODE | MPOL_F_ADDR);
	return node;
}

static int policy(char *at, size_t pages, int mode, unsigned long nodes)
{
	return syscall(SYS_mbind, at, pages * sc_page(), mode, &nodes, 64, 0) ? errno : 0;
}

/* @extents with this policy, all of which are there. */
static int create(struct sc_segment *seg, size_t extents, int mode, unsigned long nodes)
{
	int err = sc_create(seg, SC_MEMFD, extents);

	if (err)
		return err;
	seg->addr = sc_map_segment(seg, PROT_READ | PROT_WRITE);
	err = policy(seg->addr, seg->len / sc_page(), mode, nodes);
	if (!err)
		sc_fill(seg->addr, seg->len, SC_SEED, 0);
	return err;
}

/* hugetlb takes every huge page of the node until the test is over. */
static int take_huge_pages(int node)
{
	char path[128];

	int err = 0, i;

	snprintf(path, sizeof(path), NODE_DIR "/node%d/hugepages/hugepages-%zukB/nr_hugepages",
		 node, sc_extent() / 1024);
	/* Pages in lists of CPUs come back a moment later, and together are huge again. */
	for (i = 0; i < 3 && !err; i++) {
		sc_write_file("/proc/sys/vm/compact_memory", "1");
		err = i ? sc_write_file(path, "100000") : sc_switch(path, "100000");
	}
	return err;
}

/* Asks again while pages are in use: taking huge pages reclaims and migrates others. */
static int ask_patiently(const char *path)
{
	int err = EAGAIN, i;

	for (i = 0; i < 20 && err == EAGAIN; i++) {
		if (i)
			usleep(50000);
		err = sc_collapsef("%s", path);
	}
	return err;
}

/* The extents are huge, as they should be, and on @node. */
#define EXPECT_HUGE_ON(node) do { \
	size_t __at; \
	for (__at = 0; __at < self->seg.len; __at += sc_extent()) \
		EXPECT_EQ(node, node_of(self->seg.addr + __at + sc_page())) \
			TH_LOG("at 0x%zx", __at); \
	EXPECT_EQ((long)(self->seg.len / sc_page()), \
		  sc_huge_pages(self->seg.addr, self->seg.len)); \
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0)); \
} while (0)

/* None is huge and no page has moved. */
#define EXPECT_SMALL_ON(node) do { \
	size_t __at; \
	for (__at = 0; __at < self->seg.len; __at += 16 * sc_page()) \
		EXPECT_EQ(node, node_of(self->seg.addr + __at)) \
			TH_LOG("at 0x%zx", __at); \
	EXPECT_EQ(0, sc_huge_pages(self->seg.addr, self->seg.len)); \
	EXPECT_GROWN(0, "collapsed"); \
} while (0)

SC_TEST(bound_memory_stays)
{
	ASSERT_ERRNO(0, create(&self->seg, 2, MPOL_BIND, 2));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_HUGE_ON(1);
}

SC_TEST(bound_memory_stays_without_a_huge_page)
{
	long long failed;

	ASSERT_ERRNO(0, create(&self->seg, 2, MPOL_BIND, 2));
	ASSERT_EQ(0, take_huge_pages(1));
	failed = sc_thp_event("collapse_alloc_failed");
	EXPECT_ERRNO(ENOMEM, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(2, "failed_no_huge_page");
	EXPECT_EQ(failed + 2, sc_thp_event("collapse_alloc_failed"));
	EXPECT_SMALL_ON(1);
}

/* Pages below @share are on node 0, the others on node 1. */
static int split(struct sc_segment *seg, size_t share)
{
	int err = sc_create(seg, SC_MEMFD, 1);

	if (err)
		return err;
	seg->addr = sc_map_segment(seg, PROT_READ | PROT_WRITE);
	err = policy(seg->addr, share, MPOL_BIND, 1);
	err = err ?: policy(seg->addr + share * sc_page(), sc_nr() - share, MPOL_BIND, 2);
	if (!err)
		sc_fill(seg->addr, seg->len, SC_SEED, 0);
	return err;
}

SC_TEST(where_most_pages_are)
{
	ASSERT_ERRNO(0, split(&self->seg, sc_nr() / 2 + 1));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_HUGE_ON(0);
	sc_destroy(&self->seg);
	ASSERT_ERRNO(0, split(&self->seg, sc_nr() / 2 - 1));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_HUGE_ON(1);
}

/* One page of two on each: both have most of them. */
SC_TEST(interleaved_memory)
{
	ASSERT_ERRNO(0, create(&self->seg, 1, MPOL_INTERLEAVE, BOTH));
	ASSERT_NE(node_of(self->seg.addr), node_of(self->seg.addr + sc_page()));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_HUGE_ON(0);
	sc_destroy(&self->seg);
	ASSERT_ERRNO(0, create(&self->seg, 1, MPOL_INTERLEAVE, BOTH));
	ASSERT_EQ(0, take_huge_pages(0));
	EXPECT_ERRNO(0, ask_patiently(self->seg.path));
	EXPECT_HUGE_ON(1);
}

SC_TEST(interleaved_memory_of_which_one_has_more)
{
	size_t page;

	ASSERT_ERRNO(0, create(&self->seg, 1, MPOL_INTERLEAVE, BOTH));
	page = node_of(self->seg.addr) == 0 ? 0 : 1;
	ASSERT_EQ(0, madvise(self->seg.addr + page * sc_page(), sc_page(), MADV_REMOVE));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	sc_fill_page(self->seg.addr + page * sc_page(), SC_SEED, page);
	EXPECT_HUGE_ON(1);
}

/* --- cpusets --------------------------------------------------------------------------------- */

/* The cpuset of a new group that may use @mems; 0 or an errno. */
static int make_cpuset(char *group, size_t size, const char *mems)
{
	char file[200];
	int err = sc_cgroup_create(group, size, "sc-nodes");

	err = err ?: sc_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset");
	snprintf(file, sizeof(file), "%s/cpuset.mems", group);
	return err ?: sc_write_file(file, mems);
}

/* A request by somebody who may use node 0 only. */
static int ask_from_node_0(const char *group, const char *path)
{
	pid_t pid = sc_fork();

	if (!pid)
		_exit(sc_cgroup_enter(group, getpid()) ?: sc_collapsef("%s", path));
	return sc_join(pid);
}

SC_TEST(cpuset_of_the_administrator)
{
	char group[128];
	int workers;

	if (make_cpuset(group, sizeof(group), "0"))
		SKIP(return, "no cpusets");
	for (workers = 1; workers <= 2; workers++) {
		ASSERT_EQ(0, sc_knob_set_number("workers", workers));
		ASSERT_ERRNO(0, create(&self->seg, 4, MPOL_BIND, 2));
		EXPECT_ERRNO(0, ask_from_node_0(group, self->seg.path));
		EXPECT_HUGE_ON(1);
		sc_destroy(&self->seg);
	}
	EXPECT_GROWN(8, "collapsed");
	sc_cgroup_remove(group);
}

/* Nor does it say where pages come back to. */
SC_TEST(cpuset_of_the_administrator_and_swap)
{
	const char *reason;
	char group[128];

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	if (make_cpuset(group, sizeof(group), "0"))
		SKIP(return, "no cpusets");
	ASSERT_ERRNO(0, create(&self->seg, 1, MPOL_BIND, 2));
	ASSERT_EQ((long)sc_nr(), sc_swap_out(self->seg.addr, self->seg.len));
	EXPECT_ERRNO(0, ask_from_node_0(group, self->seg.path));
	EXPECT_GROWN(sc_nr(), "pages_swapped_in");
	EXPECT_HUGE_ON(1);
	sc_cgroup_remove(group);
}

SC_TEST(cpuset_of_the_owner)
{
	char group[128];
	pid_t pid;

	if (make_cpuset(group, sizeof(group), "1"))
		SKIP(return, "no cpusets");
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 2));
	pid = sc_fork();
	if (!pid) {
		char *at;

		if (sc_cgroup_enter(group, getpid()))
			_exit(1);
		at = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
		sc_fill(at, self->seg.len, SC_SEED, 0);
		_exit(0);
	}
	ASSERT_EQ(0, sc_join(pid));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_HUGE_ON(1);
	sc_destroy(&self->seg);
	sc_cgroup_remove(group);
}

/* Who may not use a node does not get a huge page there, and takes nothing away from it. */
SC_TEST(cpuset_of_the_devices_caller)
{
	struct sc_mapper m;
	char group[128];

	if (make_cpuset(group, sizeof(group), "0"))
		SKIP(return, "no cpusets");
	ASSERT_ERRNO(0, create(&self->seg, 1, MPOL_BIND, 2));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_cgroup_enter(group, m.pid));
	EXPECT_EQ((long)SHMEM_COLLAPSE_NO_HUGE_PAGE, sc_call(&m, sc_op_tell, 0, 0, 0, 0));
	EXPECT_GROWN(1, "failed_no_huge_page");
	EXPECT_SMALL_ON(1);
	/* The same process elsewhere. */
	ASSERT_EQ(0, sc_cgroup_enter("/sys/fs/cgroup", m.pid));
	EXPECT_EQ((long)SHMEM_COLLAPSE_COLLAPSED, sc_call(&m, sc_op_tell, 0, 0, 0, 0));
	EXPECT_HUGE_ON(1);
	sc_kill(&m, 1);
	sc_cgroup_remove(group);
}

/* --- target_node ----------------------------------------------------------------------------- */

SC_TEST(target_node)
{
	ASSERT_ERRNO(0, create(&self->seg, 2, MPOL_BIND, 2));
	ASSERT_EQ(0, sc_knob_set("target_node", "0"));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_HUGE_ON(0);
	sc_destroy(&self->seg);
	/* And no other. */
	ASSERT_ERRNO(0, create(&self->seg, 2, MPOL_BIND, 2));
	ASSERT_EQ(0, take_huge_pages(0));
	EXPECT_ERRNO(ENOMEM, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(2, "failed_no_huge_page");
}

/* It is the administrator's: a caller of the device moves nothing by it. */
SC_TEST(target_node_and_the_device)
{
	struct sc_told told;
	int fd = sc_device();

	ASSERT_ERRNO(0, create(&self->seg, 1, MPOL_BIND, 2));
	ASSERT_EQ(0, sc_knob_set("target_node", "0"));
	told = sc_tell(fd, self->seg.addr, sc_extent());
	EXPECT_ERRNO(0, told.err);
	EXPECT_EQ((uint32_t)SHMEM_COLLAPSE_COLLAPSED, told.outcome[0]);
	EXPECT_HUGE_ON(1);
	close(fd);
}

TEST_HARNESS_MAIN
