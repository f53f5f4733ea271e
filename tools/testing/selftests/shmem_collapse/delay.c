// SPDX-License-Identifier: GPL-2.0
/*
 * Delay points of a debug kernel: a request waits where it is told to, other processes see what
 * they must see meanwhile, and killing the writer there does no harm.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>

#define LONG_MS 60000

/* What two processes that map the extent have mapped while the request waits. */
struct place {
	const char *name;
	int mapped;		/* of the two */
	int huge;
	const char *fails;	/* a point that must fail to get there */
};

static const struct place places[] = {
	{ "located", 2, 0, NULL },
	{ "scanned", 2, 0, NULL },
	{ "gathered", 2, 0, NULL },
	{ "taking", 2, 0, NULL },
	{ "unmapping", 1, 0, NULL },
	{ "unmapped", 0, 0, NULL },
	{ "checked", 0, 0, NULL },
	{ "copied", 0, 0, NULL },
	{ "committed", 0, 0, NULL },
	{ "mapped", 2, 2, NULL },
	{ "rolling_back", 0, 0, "copy" },
	{ "remapping", 1, 1, NULL },
};

#define PLACES ARRAY_SIZE(places)

static bool is(const struct place *p, const char *name)
{
	return !strcmp(p->name, name);
}

/* Another process that asks for the extent of this one, and maps nothing of it itself. */
static pid_t start_request(struct sc_segment *seg)
{
	pid_t owner = getpid(), pid = sc_fork();

	if (!pid) {
		munmap(seg->addr, seg->len);
		_exit(sc_collapse(owner, seg->addr, seg->len));
	}
	return pid;
}

static int mapped_by(pid_t pid, const char *addr)
{
	return sc_present(pid, addr, sc_extent()) / (long)sc_nr();
}

/* One filled extent that this process and @m have mapped. */
static void make_scene(struct __test_metadata *_metadata, struct _test_data_collapse *self,
		       struct sc_mapper *m, const struct place *p)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn(m, &self->seg, SC_UNRELATED));
	ASSERT_EQ(0, sc_call(m, sc_op_verify, SC_SEED, 0, 0, 0));
	if (is(p, "remapping")) {
		/* Huge, but mapped in small pieces here. */
		ASSERT_EQ(0, sc_knob_set_number("map_all", 0));
		ASSERT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, sc_extent(), 100));
		ASSERT_EQ(0, sc_knob_set_number("map_all", 1));
		/* No pmd can translate it while its first page has a VMA of its own. */
		ASSERT_EQ(0, mprotect(self->seg.addr, sc_page(), PROT_READ));
		ASSERT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
		ASSERT_EQ(0, mprotect(self->seg.addr, sc_page(), PROT_READ | PROT_WRITE));
		ASSERT_EQ(0, sc_call(m, sc_op_verify, SC_SEED, 0, 0, 0));
	}
	if (p->fails)
		ASSERT_EQ(0, sc_fail(p->fails, SC_ALWAYS, 0));
	ASSERT_EQ(0, sc_delay(p->name, LONG_MS));
}

static void drop_scene(struct _test_data_collapse *self, struct sc_mapper *m)
{
	sc_faults_off();
	sc_kill(m, 1);
	sc_destroy(&self->seg);
}

SC_TEST(request_waits_where_it_is_told)
{
	struct sc_mapper m;
	size_t i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	for (i = 0; i < PLACES; i++) {
		const struct place *p = &places[i];
		char *addr;
		pid_t writer;
		int err;

		make_scene(_metadata, self, &m, p);
		addr = self->seg.addr;
		writer = start_request(&self->seg);
		ASSERT_EQ(0, sc_delay_reached(p->name))
			TH_LOG("no request waits at %s", p->name);
		EXPECT_EQ(p->mapped, mapped_by(getpid(), addr) + mapped_by(m.pid, m.addr))
			TH_LOG("at %s", p->name);
		EXPECT_EQ(p->huge, sc_huge_mapped(getpid(), addr, sc_extent()) +
			  sc_huge_mapped(m.pid, m.addr, sc_extent()))
			TH_LOG("at %s", p->name);
		/* A thread that touches the memory now goes on when the request does. */
		sc_send(&m, sc_op_verify, SC_SEED, 0, 0, 0);
		ASSERT_EQ(0, sc_delay(p->name, 0));
		err = sc_join(writer);
		if (p->fails)
			EXPECT_ERRNO(EHWPOISON, err);
		else
			EXPECT_ERRNO(0, err);
		EXPECT_EQ(0, sc_wait(&m));
		EXPECT_EQ(0, sc_verify(addr, sc_extent(), SC_SEED, 0));
		drop_scene(self, &m);
	}
}

SC_TEST(H14_writer_killed_at_every_step)
{
	struct sc_account before, after;
	struct sc_mapper m;
	size_t i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	for (i = 0; i < PLACES; i++) {
		const struct place *p = &places[i];
		pid_t writer;

		make_scene(_metadata, self, &m, p);
		sc_account(&before, self->seg.fd, m.pid, NULL);
		writer = start_request(&self->seg);
		ASSERT_EQ(0, sc_delay_reached(p->name));
		ASSERT_EQ(0, kill(writer, SIGKILL));
		EXPECT_EQ(-SIGKILL, sc_join(writer));
		sc_faults_off();
		EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
		EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
		EXPECT_ERRNO(0, sc_collapse_retry(getpid(), self->seg.addr, sc_extent(), 100));
		EXPECT_EQ(1, sc_huge_mapped(m.pid, m.addr, sc_extent()));
		EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
		sc_account(&after, self->seg.fd, m.pid, NULL);
		after.shmem_huge = before.shmem_huge;
		EXPECT_UNCHANGED(&before, &after);
		drop_scene(self, &m);
	}
}

/* A request for three extents, which waits when the first is huge. */
static pid_t wait_behind_the_first(struct sc_segment *seg)
{
	pid_t writer;

	if (sc_create_filled(seg, SC_MEMFD, 3, SC_SEED) || sc_delay("mapped", LONG_MS))
		return -1;
	writer = start_request(seg);
	return sc_delay_reached("mapped") ? -1 : writer;
}

SC_TEST(H14_killed_writer_ends_after_its_extent)
{
	pid_t writer;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	writer = wait_behind_the_first(&self->seg);
	ASSERT_LT(0, writer);
	ASSERT_EQ(0, kill(writer, SIGKILL));
	EXPECT_EQ(-SIGKILL, sc_join(writer));
	sc_faults_off();
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

static void nothing(int signal)
{
}

/* A process that asks for the @n extents of this one from @addr on. */
static pid_t start_for(char *addr, size_t n)
{
	pid_t owner = getpid(), pid = sc_fork();

	if (!pid) {
		signal(SIGUSR1, nothing);
		_exit(sc_collapse(owner, addr, n * sc_extent()));
	}
	return pid;
}

/*
 * A request that is held in an extent, and another one whose caller, and worker if there is one,
 * wait for that: it comes to the extent in two places.
 */
static void hold_both(struct __test_metadata *_metadata, struct _test_data_collapse *self,
		      int workers, pid_t writer[2])
{
	char *twice;
	int i;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	twice = sc_reserve(2 * sc_extent(), 0);
	for (i = 0; i < 2; i++)
		ASSERT_NE(MAP_FAILED, mmap(twice + i * sc_extent(), sc_extent(), PROT_READ,
					   MAP_SHARED | MAP_FIXED_NOREPLACE, self->seg.fd, 0));
	ASSERT_EQ(0, sc_delay("scanned", LONG_MS));
	writer[0] = start_for(self->seg.addr, 1);
	ASSERT_EQ(0, sc_delay_reached("scanned"));
	ASSERT_EQ(0, sc_knob_set_number("workers", workers));
	writer[1] = start_for(twice, 2);
	/* Time to get there; if it has not, the signal finds it on its way. */
	usleep(200000);
}

static void let_go(struct __test_metadata *_metadata, struct _test_data_collapse *self,
		   pid_t writer)
{
	EXPECT_TRUE(sc_delay_waiting("scanned"));
	sc_faults_off();
	EXPECT_ERRNO(0, sc_join(writer));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* A worker waits as well, which no signal reaches. */
SC_TEST(H14_writer_killed_with_workers_that_wait)
{
	pid_t writer[2];

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	hold_both(_metadata, self, 2, writer);
	ASSERT_EQ(0, kill(writer[1], SIGKILL));
	EXPECT_EQ(-SIGKILL, sc_join(writer[1]));
	let_go(_metadata, self, writer[0]);
}

SC_TEST(H14_signal_with_workers_that_wait)
{
	pid_t writer[2];

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	hold_both(_metadata, self, 2, writer);
	ASSERT_EQ(0, kill(writer[1], SIGUSR1));
	EXPECT_ERRNO(EINTR, sc_join(writer[1]));
	let_go(_metadata, self, writer[0]);
}

SC_TEST(signal_while_another_holds_the_extent)
{
	pid_t writer[2];

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	hold_both(_metadata, self, 1, writer);
	ASSERT_EQ(0, kill(writer[1], SIGUSR1));
	EXPECT_ERRNO(EINTR, sc_join(writer[1]));
	let_go(_metadata, self, writer[0]);
}

#define OTHERS	64

/* Whoever keeps an extent busy keeps nobody from another one. */
SC_TEST(nobody_waits_for_another_extent)
{
	struct sc_segment other;
	pid_t writer;
	size_t i;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_create(&other, SC_MEMFD, OTHERS));
	ASSERT_EQ(0, sc_delay("scanned", LONG_MS / 20));
	writer = start_for(self->seg.addr, 1);
	ASSERT_EQ(0, sc_delay_reached("scanned"));
	/* Nothing is there, so they do not get as far as to the delay. */
	for (i = 0; i < OTHERS; i++)
		EXPECT_ERRNO(ENODATA, sc_collapsef("%s,%zu,%zu", other.path, i * sc_nr(),
						   (i + 1) * sc_nr()));
	EXPECT_TRUE(sc_delay_waiting("scanned"));
	sc_faults_off();
	EXPECT_ERRNO(0, sc_join(writer));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	sc_destroy(&other);
}

SC_TEST(H19_unloading_ends_a_request_after_its_extent)
{
	pid_t writer, remover;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	/* Without its file the module would be gone for the tests that follow. */
	if (sc_load() == ENOENT)
		SKIP(return, "no module file: set SHMEM_COLLAPSE_KO");
	writer = wait_behind_the_first(&self->seg);
	ASSERT_LT(0, writer);
	remover = sc_fork();
	if (!remover)
		_exit(sc_unload());
	/* It has told the requests, and waits for them. */
	EXPECT_EQ(0, sc_wait_asleep(remover));
	EXPECT_EQ(0, sc_delay("mapped", 0));
	EXPECT_ERRNO(EINTR, sc_join(writer));
	EXPECT_ERRNO(0, sc_join(remover));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	ASSERT_ERRNO(0, sc_load());
}

SC_TEST(every_place_is_known)
{
	char names[SC_MAX_PLACES][SC_NAME];
	int n, i, found = 0;
	size_t j;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	n = sc_names("delay", names, SC_MAX_PLACES);
	ASSERT_LT(0, n);
	for (i = 0; i < n; i++) {
		/* No extent is collapsed there: reap_window.c. */
		found += !strcmp(names[i], "reaping");
		for (j = 0; j < PLACES; j++)
			found += is(&places[j], names[i]);
	}
	EXPECT_EQ(n, found);
	EXPECT_EQ((int)PLACES + 1, n);
	EXPECT_ERRNO(EINVAL, sc_delay("nowhere", 1));
	EXPECT_ERRNO(EINVAL, sc_delay("copied", 60001));
	EXPECT_ERRNO(EINVAL, sc_fail("nothing", 1, 0));
}

TEST_HARNESS_MAIN
