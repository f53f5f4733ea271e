// SPDX-License-Identifier: GPL-2.0
/*
 * Requests beside all that a database does to its memory: three processes write, two fork, protect,
 * move, unmap, drop and read by system calls. Of a hundred extents one may be left small, and then
 * only for as long as the load lasts.
 */
#include "load.h"

#define WRITERS		3
#define DISTURBERS	2
#define BUSY		(WRITERS + DISTURBERS)
#define LEFT_MOST	1	/* of a hundred */
#define VERSIONS	250

static bool go_on(void)
{
	while (held())
		;
	return !__atomic_load_n(&load->stop, __ATOMIC_RELAXED);
}

static size_t next(size_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* nr -> wrong pages. Each third page is this writer's, and nobody else writes to it. */
static long op_write(struct sc_child *child, const long *arg)
{
	size_t nr = arg[0], pages = child->len / sc_page(), state = nr, page;
	unsigned char *version = calloc(pages, 1);
	long wrong = 0;

	if (!version)
		return -1;
	while (go_on()) {
		char *at;

		page = next(&state) % (pages / WRITERS) * WRITERS + nr;
		at = child->addr + page * sc_page();
		wrong += !sc_page_is(at, SC_SEED + version[page], page);
		version[page] = (version[page] + 1) % VERSIONS;
		sc_fill_page(at, SC_SEED + version[page], page);
	}
	for (page = nr; page < pages; page += WRITERS)
		wrong += !sc_page_is(child->addr + page * sc_page(), SC_SEED + version[page], page);
	free(version);
	return wrong;
}

/* --- one who changes his mapping -------------------------------------------------------------- */

struct victim {
	char *addr;
	size_t len, state;
	char *spare;	/* an address of that length that is his as well */
};

/* Some pages of it. */
static char *some(struct victim *v, size_t *len)
{
	size_t pages = v->len / sc_page(), first = next(&v->state) % pages;

	*len = (1 + next(&v->state) % (pages - first)) * sc_page();
	return v->addr + first * sc_page();
}

static int fork_and_look(struct victim *v)
{
	pid_t pid = sc_fork();

	if (!pid) {
		size_t len;
		char *at = some(v, &len);

		sc_touch(at, len < sc_extent() ? len : sc_extent());
		_exit(0);
	}
	return sc_join(pid);
}

static int protect(struct victim *v)
{
	size_t len;
	char *at = some(v, &len);

	return mprotect(at, len, PROT_READ) ?: mprotect(v->addr, v->len, PROT_READ | PROT_WRITE);
}

static int move(struct victim *v)
{
	char *old = v->addr;

	if (mremap(old, v->len, v->len, MREMAP_MAYMOVE | MREMAP_FIXED, v->spare) == MAP_FAILED)
		return -1;
	v->addr = v->spare;
	v->spare = old;
	return 0;
}

static int map_again(struct victim *v)
{
	size_t len;
	char *at = some(v, &len);

	return munmap(at, len) ?:
	       mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, shared->fd,
		    at - v->addr) == MAP_FAILED;
}

static int drop(struct victim *v)
{
	size_t len;
	char *at = some(v, &len);

	return madvise(at, len, MADV_DONTNEED);
}

static int read_some(struct victim *v)
{
	static char buf[65536];
	size_t len;
	char *at = some(v, &len);

	return pread(shared->fd, buf, sizeof(buf), at - v->addr) < 0;
}

/* nr -> 0, or the place in the list of what the kernel refused, counted from one */
static long op_disturb(struct sc_child *child, const long *arg)
{
	int (*const what[])(struct victim *) = {
		fork_and_look, protect, move, map_again, drop, read_some,
	};
	struct victim v = { .addr = child->addr, .len = child->len, .state = arg[0] };
	long err = 0;

	v.spare = sc_reserve(v.len, 0);
	if (v.spare == MAP_FAILED)
		return -1;
	while (go_on() && !err) {
		size_t nr = next(&v.state) % ARRAY_SIZE(what), len;
		char *at;

		if (what[nr](&v))
			err = 1 + nr;
		at = some(&v, &len);
		sc_touch(at, len < sc_extent() ? len : sc_extent());
		turn(arg[0] % LOADERS);
	}
	child->addr = v.addr;
	return err;
}

LOAD_TEST(everything_at_once)
{
	int i;

	faults_of(self->m, 0);
	for (i = 0; i < BUSY; i++)
		sc_send(&self->m[i], i < WRITERS ? op_write : op_disturb, i, 0, 0, 0);
	rounds_under_load(_metadata, self, BUSY);
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < BUSY; i++) {
		EXPECT_EQ(0, sc_wait(&self->m[i]))
			TH_LOG("process %d", i);
	}
	for (i = 0; i < DISTURBERS; i++)
		EXPECT_LT(0, load->turns[i]);
	expect_mapped(_metadata, self, BUSY);
	/* No reason lasts longer than the load. */
	expect_all_huge(_metadata, self, BUSY);
	EXPECT_GE(self->tried * LEFT_MOST, self->left * 100);
}

TEST_HARNESS_MAIN
