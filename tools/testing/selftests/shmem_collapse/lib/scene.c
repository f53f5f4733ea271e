// SPDX-License-Identifier: GPL-2.0
/* The extent of the fault tests; see scene.h. */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_NAME	"/tmp/sc-scene"
#define FILE_OWNER	1000

/* Places in the extent, in pages. */
#define PRIVATE_PAGE	7
#define PART_FIRST	64
#define PART_PAGES	128
#define SWAPPED_FIRST	100
#define SWAPPED_PAGES	3
#define LARGE_FIRST	256
#define LARGE_PAGES	16
#define LARGE_KB	64

/* How often a state is taken until it stays the same. */
#define REST_TRIES	3

static bool is_hole(size_t i)
{
	return (i >= 200 && i < 204) || i == 300 || i == sc_nr() - 1;
}

static bool is_swapped(size_t i)
{
	return i >= SWAPPED_FIRST && i < SWAPPED_FIRST + SWAPPED_PAGES;
}

static bool is_large(size_t i)
{
	return i >= LARGE_FIRST && i < LARGE_FIRST + LARGE_PAGES;
}

size_t sc_scene_holes(void)
{
	size_t i, holes = 0;

	for (i = 0; i < sc_nr(); i++)
		holes += is_hole(i);
	return holes;
}

/* Whoever did not write the pages maps only some, so that a scene is made quickly. */
static bool is_mapped_by(enum sc_role role, size_t i)
{
	if (is_hole(i) || is_swapped(i))
		return false;
	return role == SC_OWNER || i % 8 == 0 || i == PRIVATE_PAGE || is_large(i);
}

static size_t first_of(enum sc_role role)
{
	return role == SC_PART ? PART_FIRST : 0;
}

static size_t behind(enum sc_role role)
{
	return role == SC_PART ? PART_FIRST + PART_PAGES : sc_nr();
}

static bool page_is_right(enum sc_role role, const void *page, uint64_t seed, size_t i)
{
	if (is_hole(i))
		return sc_page_is_zero(page);
	/* The copy was made with the first content and stays. */
	return sc_page_is(page, role == SC_PRIVATE && i == PRIVATE_PAGE ? ~0ull : seed, i);
}

/* seed, role, whether all is to be looked at -> wrong pages */
static long op_check(struct sc_child *child, const long *arg)
{
	enum sc_role role = arg[1];
	size_t first = first_of(role), i;
	long wrong = 0;

	for (i = first; i < behind(role); i++)
		if (arg[2] || is_mapped_by(role, i))
			wrong += !page_is_right(role, child->addr + (i - first) * sc_page(),
						arg[0], i);
	return wrong;
}

/* seed, whether the folio of middle size or all else is to be written */
static long op_fill(struct sc_child *child, const long *arg)
{
	size_t i;

	for (i = 0; i < sc_nr(); i++)
		if (!is_hole(i) && is_large(i) == arg[1])
			sc_fill_page(child->addr + i * sc_page(), arg[0], i);
	return 0;
}

static long op_page_out(struct sc_child *child, const long *arg)
{
	return madvise(child->addr + SWAPPED_FIRST * sc_page(), SWAPPED_PAGES * sc_page(),
		       MADV_PAGEOUT);
}

/* Everything of the program, so that what it maps does not depend on what it does. */
static int map_program(void)
{
	return mlockall(MCL_CURRENT) || munlockall() ? errno : 0;
}

/* role, descriptor of the file, which a fork has left open -> errno */
static long op_map(struct sc_child *child, const long *arg)
{
	enum sc_role role = arg[0];
	size_t first = first_of(role);
	int prot = role == SC_READER ? PROT_READ : PROT_READ | PROT_WRITE;

	if (map_program())
		return errno;
	child->len = (behind(role) - first) * sc_page();
	child->addr = sc_map(arg[1], child->len, prot,
			     role == SC_PRIVATE ? MAP_PRIVATE : MAP_SHARED, first * sc_page());
	if (child->addr == MAP_FAILED)
		return errno;
	if (role == SC_PRIVATE)
		sc_fill_page(child->addr + PRIVATE_PAGE * sc_page(), ~0ull, PRIVATE_PAGE);
	if (role == SC_LOCKER && mlock2(child->addr, child->len, MLOCK_ONFAULT))
		return errno;
	return 0;
}

static long check(struct sc_scene *s, bool all)
{
	struct sc_child self = { .addr = s->seg.addr, .len = s->seg.len };
	/* Here as a reader does. */
	const long arg[SC_ARGS] = { s->seed, SC_READER, all };
	long wrong = op_check(&self, arg);
	int role;

	for (role = 0; role < SC_ROLES; role++)
		wrong += sc_call(&s->m[role], op_check, s->seed, role, all, 0);
	return wrong;
}

long sc_scene_check(struct sc_scene *s)
{
	return check(s, false);
}

long sc_scene_check_huge(struct sc_scene *s)
{
	static char page[65536];
	long wrong = check(s, true);
	size_t i;

	for (i = 0; i < sc_nr(); i++)
		wrong += pread(s->seg.fd, page, sc_page(), i * sc_page()) != (ssize_t)sc_page() ||
			 !page_is_right(SC_READER, page, s->seed, i);
	return wrong;
}

/* Pages of the group that are in swap. */
static size_t swapped(struct sc_scene *s)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/memory.swap.current", s->group);
	return sc_read_number(path) / sc_page();
}

static int swap_some_out(struct sc_scene *s)
{
	int tries;

	for (tries = 0; tries < 50; tries++) {
		/* Empties the batches of all CPUs, whose pages reclaim passes over. */
		sc_write_file("/proc/sys/vm/drop_caches", "1");
		if (sc_call(&s->m[SC_OWNER], op_page_out, 0, 0, 0, 0))
			return EINVAL;
		if (swapped(s) == SWAPPED_PAGES)
			return 0;
		usleep(10000);
	}
	return EBUSY;
}

static int fill(struct sc_scene *s)
{
	char path[160];
	int err;

	snprintf(path, sizeof(path), SC_THP "/hugepages-%dkB/shmem_enabled", LARGE_KB);
	err = sc_write_file(path, "always");
	if (err)
		return err;
	sc_call(&s->m[SC_OWNER], op_fill, s->seed, true, 0, 0);
	err = sc_write_file(path, "never");
	sc_call(&s->m[SC_OWNER], op_fill, s->seed, false, 0, 0);
	return err;
}

/* Passes an errno on and says what it means. */
static int named(int err, const char *text, const char **what)
{
	if (err)
		*what = text;
	return err;
}

int sc_scene_remake(struct sc_scene *s, const char **what)
{
	int err = 0;

	s->seed++;
	if (fallocate(s->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, s->seg.len))
		err = named(errno, "the file cannot be emptied", what);
	err = err ?: named(fill(s), "the file cannot be filled", what);
	err = err ?: named(swap_some_out(s), "some pages do not go to swap", what);
	err = err ?: named(sc_scene_check(s) ? EIO : 0, "the content is wrong at first", what);
	sc_write_file("/proc/sys/vm/drop_caches", "1");
	return err;
}

/* A file system of its own for the file, and a group for who writes it. */
static int make_places(struct sc_scene *s, const char *mount_options, const char **what)
{
	int err = 0;

	mkdir(DIR_NAME, 0755);
	if (mount("scene", DIR_NAME, "tmpfs", 0, mount_options))
		err = named(errno, "no tmpfs with a quota", what);
	err = err ?: named(sc_create_file(&s->seg, DIR_NAME "/file", sc_extent()), "no file", what);
	if (!err && fchown(s->seg.fd, FILE_OWNER, FILE_OWNER))
		err = named(errno, "the file does not change its owner", what);
	return err ?: named(sc_cgroup_create(s->group, sizeof(s->group), "sc-scene"),
			    "no control group", what);
}

static int make_processes(struct sc_scene *s, const char **what)
{
	int role, err = 0;

	for (role = 0; role < SC_ROLES && !err; role++) {
		err = named(sc_spawn_bare(&s->m[role]), "no process", what);
		if (role == SC_OWNER)
			err = err ?: named(sc_cgroup_enter(s->group, s->m[role].pid),
					   "the group takes no process", what);
		err = err ?: named(sc_call(&s->m[role], op_map, role, s->seg.fd, 0, 0),
				   "a process cannot map the file", what);
	}
	if (err)
		return err;
	s->seg.addr = sc_map_segment(&s->seg, PROT_READ | PROT_WRITE);
	return s->seg.addr == MAP_FAILED ? named(errno, "the file is not mapped", what) : 0;
}

int sc_scene_create(struct sc_scene *s, const char *mount_options, const char **what)
{
	struct sc_state state;
	int err, tries = 0;

	memset(s, 0, sizeof(*s));
	s->seg.fd = -1;
	/* No message for each time. */
	sc_write_file("/proc/sys/vm/drop_caches", "4");
	err = named(map_program(), "the program is not mapped", what);
	err = err ?: sc_swap_on(what);
	/* Faults map what is touched and nothing around it. */
	err = err ?: named(sc_switch("/sys/kernel/debug/fault_around_bytes", "4096"),
			   "no fault_around_bytes in debugfs", what);
	err = err ?: make_places(s, mount_options, what);
	err = err ?: make_processes(s, what);
	/* Twice: what the first use of something costs is none of a request's. */
	err = err ?: sc_scene_remake(s, what);
	if (err)
		return err;
	/* Somebody else's pages may be counted in the first state, and freed a moment later. */
	do {
		sc_scene_state(s, &state);
		err = named(sc_scene_differs(s, &state) ? EBUSY : 0,
			    "counters do not come to rest", what);
	} while (err && ++tries < REST_TRIES);
	return err ?: sc_scene_remake(s, what);
}

void sc_scene_destroy(struct sc_scene *s)
{
	sc_kill(s->m, SC_ROLES);
	sc_destroy(&s->seg);
	umount(DIR_NAME);
	if (s->group[0])
		sc_cgroup_remove(s->group);
}
