// SPDX-License-Identifier: GPL-2.0
/* The grammar of a request: every form it may have, and what malformed ones get. */
#include "fixture.h"

#include <fcntl.h>

static int fill(struct sc_segment *seg, enum sc_kind kind, size_t extents)
{
	return sc_create_filled(seg, kind, extents, SC_SEED);
}

/* All of the segment is huge and holds what was written to it. */
#define EXPECT_HUGE(seg) do { \
	EXPECT_EQ((int)((seg)->len / sc_extent()), \
		  sc_huge_mapped(getpid(), (seg)->addr, (seg)->len)); \
	EXPECT_EQ(0, sc_verify((seg)->addr, (seg)->len, SC_SEED, 0)); \
} while (0)

SC_TEST(addresses_hex)
{
	unsigned long at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 2));
	at = (unsigned long)self->seg.addr;
	ASSERT_ERRNO(0, sc_collapsef("%d,0x%lx,0x%lx", getpid(), at, at + self->seg.len));
	EXPECT_HUGE(&self->seg);
	EXPECT_GROWN(2, "collapsed");
}

SC_TEST(addresses_decimal)
{
	unsigned long at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	at = (unsigned long)self->seg.addr;
	ASSERT_ERRNO(0, sc_collapsef("%d,%lu,%lu", getpid(), at, at + self->seg.len));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(addresses_mixed_bases)
{
	unsigned long at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	at = (unsigned long)self->seg.addr;
	ASSERT_ERRNO(0, sc_collapsef("%d,%lu,0x%lx", getpid(), at, at + self->seg.len));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(whitespace_and_newline)
{
	unsigned long at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	at = (unsigned long)self->seg.addr;
	ASSERT_ERRNO(0, sc_collapsef("  %d , 0x%lx,\t0x%lx\t\n", getpid(), at,
				     at + self->seg.len));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(pid_alone)
{
	struct sc_segment other;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 2));
	ASSERT_EQ(0, fill(&other, SC_SYSV, 1));
	/* Memory that is not shmem is there too, and is passed over. */
	ASSERT_ERRNO(0, sc_collapsef("%d\n", getpid()));
	EXPECT_HUGE(&self->seg);
	EXPECT_HUGE(&other);
	EXPECT_GROWN(0, "failed");
	sc_destroy(&other);
}

SC_TEST(pid_of_another_process)
{
	struct sc_mapper m;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapsef("%d", m.pid));
	EXPECT_EQ(1, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	sc_kill(&m, 1);
}

SC_TEST(pid_zero_is_the_writer)
{
	unsigned long at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 2));
	at = (unsigned long)self->seg.addr;
	ASSERT_ERRNO(0, sc_collapsef("0,0x%lx,0x%lx", at, at + sc_extent()));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_collapsef("0"));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(path_with_offsets)
{
	ASSERT_EQ(0, fill(&self->seg, SC_TMPFS, 3));
	ASSERT_ERRNO(0, sc_collapsef("%s,%zu,%zu", self->seg.path, sc_nr(), 2 * sc_nr()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr + sc_extent(), sc_extent()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr + 2 * sc_extent(), sc_extent()));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_GROWN(1, "extents");
}

SC_TEST(path_with_hex_offsets)
{
	ASSERT_EQ(0, fill(&self->seg, SC_TMPFS, 1));
	ASSERT_ERRNO(0, sc_collapsef("%s,0x0,0x%zx\n", self->seg.path, sc_nr()));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(path_alone)
{
	ASSERT_EQ(0, fill(&self->seg, SC_TMPFS, 2));
	ASSERT_ERRNO(0, sc_collapsef("%s\n", self->seg.path));
	EXPECT_HUGE(&self->seg);
	EXPECT_GROWN(2, "extents");
}

SC_TEST(path_of_a_memfd)
{
	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 2));
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(path_with_commas)
{
	ASSERT_EQ(0, sc_create_file(&self->seg, "/dev/shm/sc,1,x", sc_extent()));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill(self->seg.addr, self->seg.len, SC_SEED, 0);
	ASSERT_ERRNO(0, sc_collapsef("/dev/shm/sc,1,x,0,%zu", sc_nr()));
	EXPECT_HUGE(&self->seg);
	EXPECT_GROWN(1, "collapsed");
}

SC_TEST(path_with_a_numeric_tail_needs_offsets)
{
	ASSERT_EQ(0, sc_create_file(&self->seg, "/dev/shm/sc,3,4", sc_extent()));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill(self->seg.addr, self->seg.len, SC_SEED, 0);
	/* Only the last two fields can be offsets: this names the file "sc". */
	EXPECT_ERRNO(ENOENT, sc_collapsef("/dev/shm/sc,3,4"));
	ASSERT_ERRNO(0, sc_collapsef("/dev/shm/sc,3,4,0,%zu", sc_nr()));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(path_with_spaces_inside)
{
	ASSERT_EQ(0, sc_create_file(&self->seg, "/dev/shm/sc a b", sc_extent()));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill(self->seg.addr, self->seg.len, SC_SEED, 0);
	ASSERT_ERRNO(0, sc_collapsef("/dev/shm/sc a b\n"));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(addresses_round_inwards)
{
	char *at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 3));
	at = self->seg.addr;
	ASSERT_ERRNO(0, sc_collapse(getpid(), at + sc_page(), self->seg.len - 2 * sc_page()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), at, sc_extent()));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), at + sc_extent(), sc_extent()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), at + 2 * sc_extent(), sc_extent()));
	EXPECT_GROWN(1, "extents");
}

SC_TEST(addresses_need_no_page_alignment)
{
	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 2));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr + 1, self->seg.len - 1));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr + sc_extent(), sc_extent()));
	EXPECT_GROWN(1, "extents");
}

SC_TEST(offsets_round_inwards)
{
	ASSERT_EQ(0, fill(&self->seg, SC_TMPFS, 3));
	ASSERT_ERRNO(0, sc_collapsef("%s,1,%zu", self->seg.path, 3 * sc_nr() - 1));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "extents");
}

SC_TEST(range_without_an_extent_succeeds)
{
	char *at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 2));
	at = self->seg.addr;
	EXPECT_ERRNO(0, sc_collapse(getpid(), at + sc_page(), sc_extent()));
	EXPECT_ERRNO(0, sc_collapse(getpid(), at, sc_extent() - sc_page()));
	EXPECT_ERRNO(0, sc_collapse(getpid(), at, 0));
	EXPECT_ERRNO(0, sc_collapsef("%s,1,%zu", self->seg.path, sc_nr()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), at, self->seg.len));
	EXPECT_GROWN(0, "extents");
}

SC_TEST(offsets_beyond_the_end_of_file)
{
	ASSERT_EQ(0, fill(&self->seg, SC_TMPFS, 2));
	ASSERT_ERRNO(ENODATA, sc_collapsef("%s,0,%zu", self->seg.path, 4 * sc_nr()));
	/* What could be done is done. */
	EXPECT_HUGE(&self->seg);
	EXPECT_GROWN(2, "collapsed");
	/* Whether what lies beyond counts as one extent or more is not laid down. */
	EXPECT_LT(0, sc_grown(&self->before, "failed_empty"));
}

/* @request is refused with @expected and leaves everything as it was. */
#define EXPECT_REFUSED(expected, request, len) do { \
	struct sc_account __before, __after; \
	sc_account(&__before, self->seg.fd, getpid(), NULL); \
	EXPECT_ERRNO(expected, sc_collapse_raw(request, len)); \
	sc_account(&__after, self->seg.fd, getpid(), NULL); \
	EXPECT_UNCHANGED(&__before, &__after); \
} while (0)

SC_TEST(garbage)
{
	static const char * const request[] = {
		"\n", " ", ",", ",,", "abc", "x1,0,1", "1,", "1,2", "1,2,", "1,,2", ",1,2",
		"1,2,3,4", "-1", "-1,0,0x200000", "0x", "1,0x,0x200000", "1,0,0x", "1,0,2x",
		"1;0;2", "0,zero,one", "0,1e6,2e6", "+", "0,-4096,0x200000", "dev/shm/none",
		"./none", "0,0x0x0,0x200000", "\x01\x02\xff",
	};
	size_t i;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	for (i = 0; i < ARRAY_SIZE(request); i++) {
		int err = sc_collapse_raw(request[i], strlen(request[i]));

		EXPECT_EQ(EINVAL, err)
			TH_LOG("request \"%s\": %s", request[i], strerror(err));
	}
	EXPECT_REFUSED(EINVAL, "1,2", 3);
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(0, "extents");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(embedded_nul)
{
	char request[128];
	int len;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	len = snprintf(request, sizeof(request), "0,0x%lx,0x%lx", (unsigned long)self->seg.addr,
		       (unsigned long)self->seg.addr + self->seg.len);
	memcpy(request + len, "\0junk", 5);
	EXPECT_REFUSED(EINVAL, request, len + 5);
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

SC_TEST(truncated_at_every_field)
{
	char request[128], *comma;
	unsigned long at;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	at = (unsigned long)self->seg.addr;
	snprintf(request, sizeof(request), "%d,0x%lx,0x%lx", getpid(), at, at + self->seg.len);

	comma = strrchr(request, ',');
	EXPECT_REFUSED(EINVAL, request, comma + 1 - request);
	EXPECT_REFUSED(EINVAL, request, comma - request);
	comma = strchr(request, ',');
	EXPECT_REFUSED(EINVAL, request, comma + 1 - request);
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(0, "extents");
}

SC_TEST(longer_than_a_page)
{
	size_t len = 3 * sc_page();
	char *request = malloc(len);

	ASSERT_NE(NULL, request);
	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	memset(request, ' ', len);
	snprintf(request, 32, "%d,%lu", getpid(), (unsigned long)self->seg.addr);
	request[strlen(request)] = ',';
	EXPECT_REFUSED(E2BIG, request, sc_page() + 1);
	EXPECT_REFUSED(E2BIG, request, len);
	/* A valid request that only spaces make too long is too long as well. */
	memset(request, ' ', len);
	request[0] = '0';
	EXPECT_REFUSED(E2BIG, request, len);
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

SC_TEST(nearly_a_page_long)
{
	size_t len = sc_page() - 1;
	char *request = malloc(len);

	ASSERT_NE(NULL, request);
	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	memset(request, ' ', len);
	request[0] = '0';
	ASSERT_ERRNO(0, sc_collapse_raw(request, len));
	EXPECT_HUGE(&self->seg);
}

SC_TEST(numbers_that_overflow)
{
	static const char * const request[] = {
		"0,18446744073709551616,18446744073711648768",
		"0,0x10000000000000000,0x10000000000200000",
		"0,0,0xfffffffffffffffff",
		"0,0,99999999999999999999999999999999999999",
	};
	char text[200];
	size_t i;
	int err;

	ASSERT_EQ(0, fill(&self->seg, SC_TMPFS, 1));
	for (i = 0; i < ARRAY_SIZE(request); i++)
		EXPECT_REFUSED(EINVAL, request[i], strlen(request[i]));
	snprintf(text, sizeof(text), "%s,0,0x10000000000000000", self->seg.path);
	EXPECT_REFUSED(EINVAL, text, strlen(text));
	/* The byte offset of this page does not fit in 64 bits. */
	snprintf(text, sizeof(text), "%s,0,0xffffffffffffffff", self->seg.path);
	EXPECT_REFUSED(EINVAL, text, strlen(text));

	/* A pid must not be cut to 32 bits: this would be our own. */
	err = sc_collapsef("%llu,0x%lx,0x%lx", (1ull << 32) + getpid(),
			   (unsigned long)self->seg.addr,
			   (unsigned long)self->seg.addr + self->seg.len);
	EXPECT_TRUE(err == EINVAL || err == ESRCH);
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

SC_TEST(range_that_wraps)
{
	unsigned long at;

	ASSERT_EQ(0, fill(&self->seg, SC_TMPFS, 2));
	at = (unsigned long)self->seg.addr;
	EXPECT_ERRNO(EINVAL, sc_collapsef("0,0x%lx,0x%lx", at + self->seg.len, at));
	EXPECT_ERRNO(EINVAL, sc_collapsef("%s,%zu,0", self->seg.path, sc_nr()));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(0, "collapsed");
}

SC_TEST(range_beyond_the_task)
{
	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 1));
	EXPECT_ERRNO(EINVAL, sc_collapsef("0,0x%lx,0x%lx", (unsigned long)self->seg.addr,
					  ~0ul - sc_extent() + 1));
	EXPECT_ERRNO(EINVAL, sc_collapsef("0,0x%lx,0x%lx", ~0ul - 4 * sc_extent() + 1,
					  ~0ul - sc_extent() + 1));
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
}

SC_TEST(no_such_process)
{
	pid_t pid = sc_fork();

	if (!pid)
		_exit(0);
	/* First a zombie, then nothing. */
	usleep(100000);
	EXPECT_ERRNO(ESRCH, sc_collapsef("%d,0x0,0x%zx", pid, sc_extent()));
	EXPECT_ERRNO(ESRCH, sc_collapsef("%d", pid));
	sc_join(pid);
	EXPECT_ERRNO(ESRCH, sc_collapsef("%d,0x0,0x%zx", pid, sc_extent()));
	EXPECT_ERRNO(ESRCH, sc_collapsef("%d", pid));
	EXPECT_GROWN(0, "extents");
}

SC_TEST(kernel_thread)
{
	/* kthreadd has no memory of its own. */
	EXPECT_ERRNO(ESRCH, sc_collapsef("2"));
}

SC_TEST(no_such_file)
{
	EXPECT_ERRNO(ENOENT, sc_collapsef("/dev/shm/there/is/none"));
	EXPECT_ERRNO(ENOENT, sc_collapsef("/dev/shm/there-is-none,0,%zu", sc_nr()));
	EXPECT_ERRNO(ENOENT, sc_collapsef("/proc/%d/fd/9999", getpid()));
	EXPECT_GROWN(0, "collapsed");
}

SC_TEST(file_that_is_not_shmem)
{
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapsef("/proc/version,0,%zu", sc_nr()));
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapsef("/proc/version"));
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapsef("/dev/null"));
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapsef("/dev/shm"));
}

SC_TEST(unmapped_addresses)
{
	char *hole = sc_reserve(2 * sc_extent(), 0);

	ASSERT_ERRNO(ENOMEM, sc_collapse(getpid(), hole, 2 * sc_extent()));
	EXPECT_GROWN(2, "failed_unmapped");
}

SC_TEST(first_failure_is_reported_and_the_rest_is_done)
{
	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 4));
	/* Extent 1 becomes empty, extent 2 unmapped. */
	ASSERT_EQ(0, madvise(self->seg.addr + sc_extent(), sc_extent(), MADV_REMOVE));
	ASSERT_EQ(0, munmap(self->seg.addr + 2 * sc_extent(), sc_extent()));
	ASSERT_ERRNO(ENODATA, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, sc_extent()));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr + 3 * sc_extent(), sc_extent()));
	EXPECT_GROWN(4, "extents");
	EXPECT_GROWN(2, "collapsed");
	EXPECT_GROWN(1, "failed_empty");
	EXPECT_GROWN(1, "failed_unmapped");
	EXPECT_EQ(0, sc_verify(self->seg.addr, sc_extent(), SC_SEED, 0));
	EXPECT_EQ(0, sc_verify(self->seg.addr + 3 * sc_extent(), sc_extent(), SC_SEED,
			       3 * sc_nr()));
}

/*
 * Each would find the references of the other, and drain the machine's LRU batches for them. The
 * pages come from a split, so that no batch has any of them.
 */
SC_TEST(two_requests_for_the_same_extents)
{
	char *addr;
	int round;

	ASSERT_EQ(0, fill(&self->seg, SC_MEMFD, 4));
	addr = self->seg.addr;
	ASSERT_ERRNO(0, sc_collapse(getpid(), addr, self->seg.len));
	ASSERT_EQ(0, sc_stats(&self->before));
	for (round = 0; round < 20; round++) {
		pid_t other, owner = getpid();

		ASSERT_EQ(0, sc_split(addr, self->seg.len));
		ASSERT_EQ(0, sc_touch(addr, self->seg.len) < 0);
		other = sc_fork();
		if (!other)
			_exit(sc_collapse(owner, addr, self->seg.len));
		EXPECT_ERRNO(0, sc_collapse(owner, addr, self->seg.len));
		EXPECT_ERRNO(0, sc_join(other));
		EXPECT_EQ(0, sc_verify(addr, self->seg.len, SC_SEED, 0));
	}
	EXPECT_GROWN(80, "collapsed");
	EXPECT_GROWN(80, "already_huge");
	EXPECT_GROWN(0, "lru_drains");
}

TEST_HARNESS_MAIN
