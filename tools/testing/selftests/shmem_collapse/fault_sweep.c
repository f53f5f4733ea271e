// SPDX-License-Identifier: GPL-2.0
/*
 * The N-th of all allocations and fault points of a request fails, for every N until a request has
 * none left. After each: an answer that fits what failed, no counter and no byte changed, and the
 * same request succeeds when nothing fails. Requests that collapse, and such that give page tables
 * back.
 */
#define SC_OWN_FIXTURE
#include "fixture.h"
#include "points.h"
#include "scene.h"
#include "tables.h"

#include <fcntl.h>

#define ROOM		"size=16m,usrquota"
#define MAX_INDEX	1000
#define SWEEP_TIMEOUT	1200
#define DEBUGFS		"/sys/kernel/debug/"

/* What failed at an index. */
enum kind { ALLOCATION, BEFORE_LOCKS, BELOW_LOCKS };

struct sweep {
	int nth, request;	/* descriptors, opened while nothing fails */
	char text[160];
	char failed[4096];	/* what the points' file says */
	char point[SC_NAME];
};

FIXTURE(sweep)
{
	struct sc_stats before;
	struct sc_segment seg;
	struct sc_scene scene;
	struct sc_state state;
	struct sweep sweep;
	enum kind kind[MAX_INDEX];
	unsigned int failures, successes;
};

/* All allocations may fail, also those that would wait; and nothing is printed about it. */
static int open_the_gates(void)
{
	static const char *const files[][2] = {
		{ DEBUGFS "failslab/ignore-gfp-wait", "0" },
		{ DEBUGFS "failslab/verbose", "0" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "0" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "0" },
		{ DEBUGFS "fail_page_alloc/min-order", "0" },
		{ DEBUGFS "fail_page_alloc/verbose", "0" },
		{ DEBUGFS "fail_shmem_collapse/verbose", "0" },
	};
	int err = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		err = err ?: sc_switch(files[i][0], files[i][1]);
	return err;
}

FIXTURE_SETUP(sweep)
{
	SC_SETUP();
	self->scene.seg.fd = -1;
	ASSERT_TRUE(sc_has_faults())
		TH_LOG(SC_NO_FAULTS);
	ASSERT_EQ(0, open_the_gates());
	/* What fails once must not be over because the machine is slow. */
	ASSERT_EQ(0, sc_knob_set("patience_ms", "10000"));
	self->sweep.nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	self->sweep.request = open(SC_DIR "/collapse", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, self->sweep.nth);
	ASSERT_LE(0, self->sweep.request);
}

FIXTURE_TEARDOWN(sweep)
{
	sc_scene_destroy(&self->scene);
	SC_TEARDOWN();
}

#define SWEEP_TEST(name) TEST_F_TIMEOUT(sweep, name, SWEEP_TIMEOUT)

/* Runs the request with its @nth call failing; *@left is false if there were fewer calls. */
static int inject(struct sweep *s, int nth, bool *left)
{
	size_t len = strlen(s->text);
	char number[16];
	ssize_t n;
	int err;

	snprintf(number, sizeof(number), "%d", nth);
	if (pwrite(s->nth, number, strlen(number), 0) < 0)
		return -1;
	n = write(s->request, s->text, len);
	err = n < 0 ? errno : n == (ssize_t)len ? 0 : EIO;
	n = pread(s->nth, number, sizeof(number) - 1, 0);
	number[n > 0 ? n : 0] = '\0';
	*left = atoi(number) == 0;
	if (pwrite(s->nth, "0", 1, 0) < 0)
		return -1;
	return err;
}

static int note_failed(struct sweep *s)
{
	return sc_read_file(SC_FAULT_DIR "/fail", s->failed, sizeof(s->failed));
}

/* The point that failed since note_failed(); NULL if it was an allocation. */
static const char *point_failed(struct sweep *s)
{
	char now[sizeof(s->failed)];
	size_t at = 0, line = 0;

	if (sc_read_file(SC_FAULT_DIR "/fail", now, sizeof(now)) || !strcmp(now, s->failed))
		return NULL;
	/* The first line that differs begins with the name. */
	for (at = 0; now[at] == s->failed[at]; at++)
		if (now[at] == '\n')
			line = at + 1;
	snprintf(s->point, sizeof(s->point), "%.*s", (int)strcspn(now + line, " "), now + line);
	return s->point;
}

static const struct sc_point *find_point(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sc_points); i++)
		if (!strcmp(sc_points[i].name, name))
			return &sc_points[i];
	return NULL;
}

/* What fails once may be tried again, so success is right for whatever is transient. */
static bool fair_answer(const char *point, int err)
{
	const struct sc_point *p;

	/* An extent that is in use stays as it is if no memory remembers it for later. */
	if (!point)
		return !err || err == ENOMEM || err == EAGAIN;
	if (!strcmp(point, "path"))
		return err == ENOENT;
	/* Nothing is tried again then. */
	if (!strcmp(point, "waiting"))
		return err == EAGAIN;
	p = find_point(point);
	if (!p || p->err == EAGAIN || !p->err)
		return !err;
	return err == p->err;
}

/* From the first look at a locked folio to the last count that is frozen. */
static enum kind kind_of(const char *point)
{
	static const char *const below[] = {
		"page_lock", "page_changed", "references_mapped", "table", "table_lock",
		"references_unmapped", "keep", "copy", "poison", "new_poison", "block_holes", "recount", "uffd_missing",
		"freeze",
	};
	size_t i;

	if (!point)
		return ALLOCATION;
	for (i = 0; i < ARRAY_SIZE(below); i++)
		if (!strcmp(below[i], point))
			return BELOW_LOCKS;
	return BEFORE_LOCKS;
}

/* One index; false when the request has fewer calls. */
static bool one_index(struct __test_metadata *_metadata, struct _test_data_sweep *self, int nth)
{
	struct sc_scene *scene = &self->scene;
	const char *point, *what;
	bool left;
	int err;

	sc_scene_state(scene, &self->state);
	ASSERT_EQ(0, note_failed(&self->sweep));
	err = inject(&self->sweep, nth, &left);
	if (!left) {
		self->kind[nth] = BEFORE_LOCKS;	/* nothing to fail */
		EXPECT_EQ(0, err);
		EXPECT_EQ(0, sc_scene_check_huge(scene));
		return false;
	}
	point = point_failed(&self->sweep);
	self->kind[nth] = kind_of(point);
	EXPECT_TRUE(fair_answer(point, err))
		TH_LOG("index %d, %s: %s", nth, point ?: "an allocation",
		       err ? strerror(err) : "success");
	if (err) {
		self->failures++;
		EXPECT_EQ(0, sc_scene_check(scene))
			TH_LOG("content after index %d, %s", nth, point ?: "an allocation");
		EXPECT_EQ(0, sc_scene_differs(scene, &self->state))
			TH_LOG("counters after index %d, %s", nth, point ?: "an allocation");
		EXPECT_EQ(0, inject(&self->sweep, 0, &left))
			TH_LOG("the request after index %d, %s", nth, point ?: "an allocation");
	} else {
		self->successes++;
	}
	EXPECT_EQ(0, sc_scene_check_huge(scene))
		TH_LOG("content in the end after index %d", nth);
	EXPECT_EQ(0, sc_scene_succeeded(scene, &self->state))
		TH_LOG("counters in the end after index %d", nth);
	ASSERT_EQ(0, sc_scene_remake(scene, &what))
		TH_LOG("%s", what);
	return !_metadata->exit_code;
}

/* Every index, or every eighth. */
static void sweep(struct __test_metadata *_metadata, struct _test_data_sweep *self)
{
	int nth, step = sc_brief() ? 8 : 1;
	uint64_t start = sc_now_ns();

	for (nth = 1; nth < MAX_INDEX && one_index(_metadata, self, nth); nth += step)
		;
	ASSERT_GT(MAX_INDEX, nth);
	TH_LOG("%u indices in %llu s: %u requests failed, %u succeeded all the same",
	       self->failures + self->successes,
	       (unsigned long long)((sc_now_ns() - start) / 1000000000), self->failures,
	       self->successes);
	EXPECT_LT(0, self->failures);
}

static void create(struct __test_metadata *_metadata, struct _test_data_sweep *self)
{
	const char *what;

	ASSERT_EQ(0, sc_scene_create(&self->scene, ROOM, &what))
		TH_LOG("%s", what);
}

SWEEP_TEST(H14_H30_request_by_address)
{
	unsigned long start;
	int nth, first = 0, last = 0, tries;

	create(_metadata, self);
	start = (unsigned long)self->scene.seg.addr;
	snprintf(self->sweep.text, sizeof(self->sweep.text), "%d,0x%lx,0x%lx", getpid(), start,
		 start + sc_extent());
	sweep(_metadata, self);

	/*
	 * H30: nothing is allocated where reclaim could want what is locked. What was not looked at
	 * yet counts as an allocation.
	 */
	for (nth = 1; nth < MAX_INDEX; nth++) {
		if (self->kind[nth] == BELOW_LOCKS) {
			first = first ?: nth;
			last = nth;
		}
	}
	ASSERT_LT(0, first);
	for (nth = first; nth < last; nth++) {
		/* When somebody held a page, one attempt more moved everything behind it. */
		for (tries = 0; self->kind[nth] == ALLOCATION && tries < 5; tries++)
			one_index(_metadata, self, nth);
		EXPECT_NE(ALLOCATION, self->kind[nth])
			TH_LOG("index %d is an allocation with folios locked", nth);
	}
}

SWEEP_TEST(H14_request_by_path)
{
	create(_metadata, self);
	ASSERT_EQ(0, sc_knob_set_number("map_all", 0));
	snprintf(self->sweep.text, sizeof(self->sweep.text), "%s", self->scene.seg.path);
	sweep(_metadata, self);
}

/* --- requests that give page tables back ----------------------------------------------------- */

/* Extents of a segment, of which all but the last are punched out. */
#define EXTENTS		4
#define EMPTY		(EXTENTS - 1)

static long op_touch(struct sc_child *child, const long *arg)
{
	size_t i;

	for (i = 0; i < EXTENTS; i++)
		*(volatile char *)(child->addr + i * sc_extent());
	return 0;
}

struct reaped {
	struct sc_mapper other;		/* maps the same */
	bool by_path;
	unsigned int stayed;		/* times that a table had to stay */
};

static long long tables_of(struct _test_data_sweep *self, struct reaped *r)
{
	return sc_tables_of(getpid(), self->seg.addr, self->seg.len, "pte_tables") +
	       sc_tables_of(r->other.pid, r->other.addr, self->seg.len, "pte_tables");
}

/* What the tables weigh according to the kernel. */
static long long weight_of(struct reaped *r)
{
	return sc_status(getpid(), "VmPTE") + sc_status(r->other.pid, "VmPTE");
}

/* Both processes have each table, and only the last is in use. */
static int make_empty(struct _test_data_sweep *self, struct reaped *r)
{
	struct sc_child own = { .addr = self->seg.addr, .len = self->seg.len };

	op_touch(&own, NULL);
	if (sc_call(&r->other, op_touch, 0, 0, 0, 0))
		return EIO;
	return sc_punch(&self->seg, 0, EMPTY * sc_nr());
}

static bool fair_answer_of_reap(const char *point, int err)
{
	if (!point)
		return !err || err == ENOMEM;
	if (!strcmp(point, "path"))
		return err == ENOENT;
	if (!strcmp(point, "process"))
		return err == ESRCH;
	return !err;
}

/* One index; false when the request has fewer calls. */
static bool one_index_of_reap(struct __test_metadata *_metadata, struct _test_data_sweep *self,
			      struct reaped *r, int nth)
{
	const long long expected = r->by_path ? 2 * EMPTY : EMPTY;
	const char *point = NULL;
	long long weight, freed;
	bool left;
	int err;

	ASSERT_EQ(0, make_empty(self, r));
	ASSERT_EQ(2 * EXTENTS, tables_of(self, r));
	ASSERT_EQ(0, sc_stats(&self->before));
	ASSERT_EQ(0, note_failed(&self->sweep));
	weight = weight_of(r);
	err = inject(&self->sweep, nth, &left);
	freed = sc_grown(&self->before, "page_tables_freed");
	EXPECT_EQ(freed * (long long)sc_page(), weight - weight_of(r));
	EXPECT_EQ(2 * EXTENTS - freed, tables_of(self, r));
	if (left)
		point = point_failed(&self->sweep);
	EXPECT_TRUE(left ? fair_answer_of_reap(point, err) : !err)
		TH_LOG("index %d, %s: %s", nth, point ?: "an allocation",
		       err ? strerror(err) : "success");
	self->failures += !!err;
	self->successes += !err;
	/* What fails at a table costs nothing but this table. */
	if (point && !strcmp(point, "reap")) {
		r->stayed++;
		EXPECT_EQ(expected - 1, freed);
	} else if (!err) {
		EXPECT_EQ(expected, freed);
	}
	EXPECT_EQ(0, inject(&self->sweep, 0, &(bool){ }));
	EXPECT_EQ(expected, (long long)sc_grown(&self->before, "page_tables_freed"))
		TH_LOG("in the end after index %d, %s", nth, point ?: "an allocation");
	EXPECT_EQ(0, sc_verify(self->seg.addr + EMPTY * sc_extent(), sc_extent(), SC_SEED,
			       EMPTY * sc_nr()));
	EXPECT_TRUE(sc_page_is_zero(self->seg.addr));
	return left && !_metadata->exit_code;
}

/* Every index: there are few. */
static void sweep_reap(struct __test_metadata *_metadata, struct _test_data_sweep *self,
		       bool by_path)
{
	unsigned long start;
	struct reaped r = { .by_path = by_path };
	int nth;

	close(self->sweep.request);
	self->sweep.request = open(SC_DIR "/reap", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, self->sweep.request);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, sc_spawn_n(&r.other, 1, &self->seg, SC_UNRELATED));
	start = (unsigned long)self->seg.addr;
	if (by_path)
		snprintf(self->sweep.text, sizeof(self->sweep.text), "%s", self->seg.path);
	else
		snprintf(self->sweep.text, sizeof(self->sweep.text), "%d,0x%lx,0x%lx", getpid(),
			 start, start + self->seg.len);
	for (nth = 1; nth < MAX_INDEX && one_index_of_reap(_metadata, self, &r, nth); nth++)
		;
	ASSERT_GT(MAX_INDEX, nth);
	TH_LOG("%d indices: %u requests failed, %u succeeded, a table stayed %u times", nth,
	       self->failures, self->successes, r.stayed);
	EXPECT_LT(0, self->failures);
	EXPECT_EQ(by_path ? 2 * EMPTY : EMPTY, r.stayed);
	sc_kill(&r.other, 1);
}

SWEEP_TEST(H14_reap_by_address)
{
	sweep_reap(_metadata, self, false);
}

SWEEP_TEST(H14_reap_by_path)
{
	sweep_reap(_metadata, self, true);
}

TEST_HARNESS_MAIN
