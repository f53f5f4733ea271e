// SPDX-License-Identifier: GPL-2.0
/*
 * Every fallible call of a request fails, by the points of a debug kernel or for real: the request
 * says why, nothing but that has changed, and the next one succeeds.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"
#include "points.h"
#include "scene.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define ROOM		"size=16m,usrquota"
/* Pages of the scene and two more: the holes do not fit. */
#define TWO_PAGES_LEFT	"size=16m,usrquota,usrquota_block_hardlimit=%zu"

FIXTURE(fault)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_scene scene;
	struct sc_state state;
};

FIXTURE_SETUP(fault)
{
	SC_SETUP();
	self->scene.seg.fd = -1;
	ASSERT_TRUE(sc_has_faults())
		TH_LOG(SC_NO_FAULTS);
}

FIXTURE_TEARDOWN(fault)
{
	sc_faults_off();
	sc_scene_destroy(&self->scene);
	SC_TEARDOWN();
}

#define FAULT_TEST(name) TEST_F_TIMEOUT(fault, name, SC_TIMEOUT)

static void create(struct __test_metadata *_metadata, struct _test_data_fault *self,
		   const char *mount_options)
{
	const char *what;

	ASSERT_EQ(0, sc_scene_create(&self->scene, mount_options, &what))
		TH_LOG("%s", what);
}

static int request(struct _test_data_fault *self)
{
	return sc_collapse(getpid(), self->scene.seg.addr, sc_extent());
}

/* The request that failed succeeds when nothing fails, and everything is as it was at first. */
static void expect_success_now(struct __test_metadata *_metadata, struct _test_data_fault *self)
{
	const char *what;

	sc_scene_state(&self->scene, &self->state);
	ASSERT_ERRNO(0, request(self));
	EXPECT_EQ(0, sc_scene_check_huge(&self->scene));
	EXPECT_EQ(0, sc_scene_succeeded(&self->scene, &self->state));
	ASSERT_EQ(0, sc_scene_remake(&self->scene, &what))
		TH_LOG("%s", what);
}

static void expect_failure(struct __test_metadata *_metadata, struct _test_data_fault *self,
			   const struct sc_point *p, int skip)
{
	long failed = sc_failed(p->name);
	char stat[40] = "requests";

	sc_scene_state(&self->scene, &self->state);
	ASSERT_EQ(0, sc_stats(&self->before));
	if (p->outcome)
		snprintf(stat, sizeof(stat), "%s%s", p->err ? "failed_" : "", p->outcome);
	ASSERT_EQ(0, sc_fail(p->name, SC_ALWAYS, skip));
	if (p->with)
		ASSERT_EQ(0, sc_fail(p->with, SC_ALWAYS, 0));
	EXPECT_EQ(p->err, request(self))
		TH_LOG("%s from call %d on", p->name, skip);
	sc_faults_off();
	EXPECT_GROWN(1, stat);
	EXPECT_LT(failed, sc_failed(p->name))
		TH_LOG("the request does not come to %s", p->name);
	if (!p->err)
		return;
	EXPECT_EQ(0, sc_scene_check(&self->scene))
		TH_LOG("content after %s from call %d on", p->name, skip);
	EXPECT_EQ(0, sc_scene_differs(&self->scene, &self->state))
		TH_LOG("counters after %s from call %d on", p->name, skip);
}

static void one_point(struct __test_metadata *_metadata, struct _test_data_fault *self,
		      const struct sc_point *p)
{
	const char *what;
	int i;

	for (i = 0; i < ARRAY_SIZE(p->skips) && p->skips[i] >= 0; i++) {
		expect_failure(_metadata, self, p, p->skips[i]);
		if (!p->err) {
			EXPECT_EQ(0, sc_scene_check_huge(&self->scene));
			EXPECT_EQ(0, sc_scene_succeeded(&self->scene, &self->state));
			ASSERT_EQ(0, sc_scene_remake(&self->scene, &what))
				TH_LOG("%s", what);
		}
	}
	expect_success_now(_metadata, self);
}

FAULT_TEST(H14_each_point_fails)
{
	size_t i;

	create(_metadata, self, ROOM);
	for (i = 0; i < ARRAY_SIZE(sc_points) && !_metadata->exit_code; i++)
		one_point(_metadata, self, &sc_points[i]);
}

FAULT_TEST(every_point_is_known)
{
	char names[SC_MAX_PLACES][SC_NAME];
	int n, i, known = 0;
	size_t j;

	n = sc_names("fail", names, SC_MAX_PLACES);
	ASSERT_EQ((int)(ARRAY_SIZE(sc_points) + ARRAY_SIZE(sc_other_points)), n);
	for (i = 0; i < n; i++) {
		for (j = 0; j < ARRAY_SIZE(sc_points); j++)
			known += !strcmp(sc_points[j].name, names[i]);
		for (j = 0; j < ARRAY_SIZE(sc_other_points); j++)
			known += !strcmp(sc_other_points[j], names[i]);
	}
	EXPECT_EQ(n, known);
}

/* --- outcomes and hazards by themselves ------------------------------------------------------ */

static void fails_with(struct __test_metadata *_metadata, struct _test_data_fault *self,
		       const char *name, int skip)
{
	size_t i;

	for (i = 0; strcmp(sc_points[i].name, name); i++)
		;
	create(_metadata, self, ROOM);
	expect_failure(_metadata, self, &sc_points[i], skip);
	expect_success_now(_metadata, self);
}

FAULT_TEST(H33_frozen_before_the_scan)
{
	fails_with(_metadata, self, "frozen", 0);
}

FAULT_TEST(H33_frozen_between_scan_and_commit)
{
	fails_with(_metadata, self, "frozen", 1);
}

FAULT_TEST(H35_zone_that_the_file_forbids)
{
	fails_with(_metadata, self, "zone", 0);
}

FAULT_TEST(no_memory_for_nodes)
{
	fails_with(_metadata, self, "nodes", 0);
}

FAULT_TEST(no_huge_page)
{
	fails_with(_metadata, self, "huge_page", 0);
}

/* What is not read from swap for a huge page that there is not: but for one, to learn whose. */
FAULT_TEST(no_huge_page_reads_one_page)
{
	const char *reason;

	if (sc_swap_on(&reason))
		SKIP(return, "%s", reason);
	ASSERT_EQ(0, sc_switch("/proc/sys/vm/page-cluster", "0"));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ((long)(self->seg.len / sc_page()), sc_swap_out(self->seg.addr, self->seg.len));
	ASSERT_EQ(0, sc_fail("huge_page", 2, 0));
	EXPECT_ERRNO(ENOMEM, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(2, "failed_no_huge_page");
	EXPECT_GROWN(2, "pages_swapped_in");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* Quotas do not bind whoever has CAP_SYS_RESOURCE. */
static int request_with_quota(struct _test_data_fault *self)
{
	pid_t owner = getpid(), pid = sc_fork();

	if (!pid) {
		if (sc_drop_cap(CAP_SYS_RESOURCE))
			_exit(255);
		_exit(sc_collapse(owner, self->scene.seg.addr, sc_extent()));
	}
	return sc_join(pid);
}

FAULT_TEST(no_quota_for_the_holes)
{
	char options[80];

	snprintf(options, sizeof(options), TWO_PAGES_LEFT,
		 (sc_nr() - sc_scene_holes() + 2) * sc_page());
	create(_metadata, self, options);
	sc_scene_state(&self->scene, &self->state);
	EXPECT_ERRNO(EDQUOT, request_with_quota(self));
	EXPECT_GROWN(1, "failed_no_quota");
	EXPECT_EQ(0, sc_scene_check(&self->scene));
	EXPECT_EQ(0, sc_scene_differs(&self->scene, &self->state));
	expect_success_now(_metadata, self);
}

#define QUOTA_DIR "/dev/shm/sc-quota"

/*
 * A quota binds who asks and lacks CAP_SYS_RESOURCE, whoever does the work: workers lack nothing.
 * Extents of a page each leave no room for the holes of any.
 */
FAULT_TEST(quota_binds_the_caller_of_workers)
{
	const size_t extents = 32;
	char options[80];
	size_t i;

	ASSERT_EQ(0, sc_knob_set_number("workers", 2));
	snprintf(options, sizeof(options), "usrquota,usrquota_block_hardlimit=%zu",
		 sc_extent() - sc_page());
	mkdir(QUOTA_DIR, 0755);
	ASSERT_EQ(0, mount("sc", QUOTA_DIR, "tmpfs", 0, options));
	ASSERT_EQ(0, sc_create_file(&self->seg, QUOTA_DIR "/file", extents * sc_extent()));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	for (i = 0; i < extents; i++)
		sc_fill_page(self->seg.addr + i * sc_extent(), SC_SEED, i * sc_nr());
	ASSERT_EQ(0, fchown(self->seg.fd, 65534, 65534));
	ASSERT_EQ(0, sc_drop_cap(CAP_SYS_RESOURCE));
	EXPECT_ERRNO(EDQUOT, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(extents, "failed_no_quota");
	EXPECT_GROWN(0, "collapsed");
	sc_destroy(&self->seg);
	EXPECT_EQ(0, umount(QUOTA_DIR));
}

/* All is done after the first pass: a second one, which there is not, needs no memory. */
FAULT_TEST(no_memory_when_all_is_done)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20));
	ASSERT_EQ(0, sc_fail("scratch", SC_ALWAYS, 1));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
}

/* --- points that only other requests come to ------------------------------------------------- */

FAULT_TEST(path_that_is_not_found)
{
	long failed = sc_failed("path");

	create(_metadata, self, ROOM);
	sc_scene_state(&self->scene, &self->state);
	ASSERT_EQ(0, sc_fail("path", 1, 0));
	EXPECT_ERRNO(ENOENT, sc_collapsef("%s", self->scene.seg.path));
	EXPECT_EQ(failed + 1, sc_failed("path"));
	EXPECT_EQ(0, sc_scene_differs(&self->scene, &self->state));
	EXPECT_ERRNO(0, sc_collapsef("%s", self->scene.seg.path));
	EXPECT_EQ(0, sc_scene_check_huge(&self->scene));
}

FAULT_TEST(worker_that_cannot_be_started)
{
	long failed = sc_failed("helper");

	ASSERT_EQ(0, sc_knob_set_number("workers", 2));
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 3, SC_SEED));
	ASSERT_EQ(0, sc_fail("helper", SC_ALWAYS, 0));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(failed + 1, sc_failed("helper"));
	EXPECT_GROWN(3, "collapsed");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* Gone, or locked by somebody else: it is looked for again, as for any page that is in use. */
FAULT_TEST(huge_page_that_cannot_be_locked_at_once)
{
	long failed = sc_failed("huge_find");

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, self->seg.len, 20));
	/* In small pieces: no pmd can translate it while its first page has a VMA of its own. */
	ASSERT_EQ(0, mprotect(self->seg.addr, sc_page(), PROT_READ));
	ASSERT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	ASSERT_EQ(0, mprotect(self->seg.addr, sc_page(), PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, sc_fail("huge_find", 1, 0));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(failed + 1, sc_failed("huge_find"));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

TEST_HARNESS_MAIN
