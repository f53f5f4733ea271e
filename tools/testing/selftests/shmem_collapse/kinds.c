// SPDX-License-Identifier: GPL-2.0
/* Every kind of shared memory, every size of source folio, and what is no shared memory. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>

FIXTURE(kind)
{
	struct sc_stats before;
	struct sc_segment seg;
};

FIXTURE_VARIANT(kind)
{
	enum sc_kind kind;
};

FIXTURE_VARIANT_ADD(kind, memfd)
{
	.kind = SC_MEMFD,
};

FIXTURE_VARIANT_ADD(kind, tmpfs)
{
	.kind = SC_TMPFS,
};

FIXTURE_VARIANT_ADD(kind, sysv)
{
	.kind = SC_SYSV,
};

FIXTURE_VARIANT_ADD(kind, shared_anonymous)
{
	.kind = SC_ANON,
};

FIXTURE_SETUP(kind)
{
	SC_SETUP();
	ASSERT_EQ(0, sc_create_filled(&self->seg, variant->kind, 2, SC_SEED));
}

FIXTURE_TEARDOWN(kind)
{
	SC_TEARDOWN();
}

TEST_F_TIMEOUT(kind, becomes_huge, SC_TIMEOUT)
{
	struct sc_mapper m;

	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_FORKED));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(2, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_GROWN(2, "collapsed");
	sc_kill(&m, 1);
}

TEST_F_TIMEOUT(kind, already_huge_succeeds, SC_TIMEOUT)
{
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_GROWN(4, "extents");
	EXPECT_GROWN(2, "collapsed");
	EXPECT_GROWN(2, "already_huge");
	EXPECT_GROWN(0, "failed");
}

SC_TEST(already_huge_but_mapped_small)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	/* Protection that differs within the extent breaks the mapping, not the folio. */
	ASSERT_EQ(0, mprotect(self->seg.addr, sc_page(), PROT_READ));
	ASSERT_EQ(0, mprotect(self->seg.addr, sc_page(), PROT_READ | PROT_WRITE));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "already_huge");
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(tmpfs_file_nobody_maps)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 2, SC_SEED));
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	self->seg.addr = NULL;
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_GROWN(2, "collapsed");
	EXPECT_GROWN(0, "pmds_mapped");
	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, self->seg.len, SC_SEED));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	EXPECT_EQ(2 * (long)sc_nr(), sc_huge_pages(self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(tmpfs_file_written_but_never_mapped)
{
	char *page = aligned_alloc(sc_page(), sc_page());
	size_t i;

	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, sc_create(&self->seg, SC_TMPFS, 1));
	for (i = 0; i < sc_nr(); i++) {
		memset(page, 0, sc_page());
		sc_fill_page(page, SC_SEED, i);
		ASSERT_EQ((ssize_t)sc_page(), write(self->seg.fd, page, sc_page()));
	}
	ASSERT_ERRNO(0, sc_collapsef("%s", self->seg.path));
	EXPECT_EQ(0, sc_verify_fd(self->seg.fd, self->seg.len, SC_SEED));
	EXPECT_GROWN(1, "collapsed");
}

SC_TEST(deleted_file_by_descriptor)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 1, SC_SEED));
	ASSERT_EQ(0, unlink(self->seg.path));
	EXPECT_ERRNO(ENOENT, sc_collapsef("%s", self->seg.path));
	ASSERT_ERRNO(0, sc_collapsef("/proc/%d/fd/%d", getpid(), self->seg.fd));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(deleted_file_by_mapping)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 1, SC_SEED));
	ASSERT_EQ(0, unlink(self->seg.path));
	close(self->seg.fd);
	self->seg.fd = -1;
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(file_behind_a_symbolic_link)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 1, SC_SEED));
	unlink("/dev/shm/sc-link");
	ASSERT_EQ(0, symlink(self->seg.path, "/dev/shm/sc-link"));
	EXPECT_ERRNO(0, sc_collapsef("/dev/shm/sc-link"));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	unlink("/dev/shm/sc-link");
}

SC_TEST(sealed_memfd)
{
	char *view;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, munmap(self->seg.addr, self->seg.len));
	self->seg.addr = NULL;
	ASSERT_EQ(0, fcntl(self->seg.fd, F_ADD_SEALS,
			   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
	view = sc_map_segment(&self->seg, PROT_READ);
	ASSERT_NE(MAP_FAILED, view);
	ASSERT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	ASSERT_ERRNO(0, sc_collapse(getpid(), view, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), view, self->seg.len));
	EXPECT_EQ(0, sc_verify(view, self->seg.len, SC_SEED, 0));
	munmap(view, self->seg.len);
}

SC_TEST(removed_sysv_segment)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_SYSV, 1, SC_SEED));
	ASSERT_EQ(0, shmctl(self->seg.shmid, IPC_RMID, NULL));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

/* As MADV_COLLAPSE does, a request overrides the mount's huge= option. */
SC_TEST(mount_that_never_uses_huge_pages)
{
	mkdir("/dev/shm/sc-never", 0755);
	ASSERT_EQ(0, mount("sc", "/dev/shm/sc-never", "tmpfs", 0, "huge=never"));
	ASSERT_EQ(0, sc_create_file(&self->seg, "/dev/shm/sc-never/file", sc_extent()));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill(self->seg.addr, self->seg.len, SC_SEED, 0);
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	sc_destroy(&self->seg);
	EXPECT_EQ(0, umount("/dev/shm/sc-never"));
}

/* --- source folios of other sizes ------------------------------------------------------------ */

SC_TEST(sources_are_middle_sized_folios)
{
	size_t kb = 16 * sc_page() / 1024;

	if (sc_mthp(kb, "always"))
		SKIP(return, "the kernel has no shmem folios of %zu KiB", kb);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_LT(0, sc_compound_pages(self->seg.addr, self->seg.len));
	ASSERT_EQ(0, sc_huge_pages(self->seg.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(sources_are_a_mixture)
{
	size_t kb = 16 * sc_page() / 1024;
	struct sc_mapper m[2];
	size_t i;

	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	sc_fill(self->seg.addr, self->seg.len / 4, SC_SEED, 0);
	if (sc_mthp(kb, "always"))
		SKIP(return, "the kernel has no shmem folios of %zu KiB", kb);
	i = self->seg.len / 2;
	sc_fill(self->seg.addr + i, i, SC_SEED, i / sc_page());
	ASSERT_LT(0, sc_compound_pages(self->seg.addr + i, i));
	sc_restore_switches();
	i = self->seg.len / 4;
	sc_fill(self->seg.addr + i, i, SC_SEED, i / sc_page());

	ASSERT_EQ(0, sc_spawn_n(m, 2, &self->seg, SC_UNRELATED));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, sc_huge_mapped(m[i].pid, m[i].addr, self->seg.len));
		EXPECT_EQ(0, sc_call(&m[i], sc_op_verify, SC_SEED, 0, 0, 0));
	}
	sc_kill(m, 2);
}

SC_TEST(middle_sized_folios_with_holes)
{
	size_t folio = 16 * sc_page(), at;

	if (sc_mthp(folio / 1024, "always"))
		SKIP(return, "the kernel has no shmem folios of %zu KiB", folio / 1024);
	ASSERT_EQ(0, sc_create(&self->seg, SC_MEMFD, 1));
	self->seg.addr = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	for (at = 0; at < self->seg.len; at += 2 * folio)
		sc_fill(self->seg.addr + at, folio, SC_SEED, at / sc_page());
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	for (at = 0; at < self->seg.len; at += 2 * folio) {
		EXPECT_EQ(0, sc_verify(self->seg.addr + at, folio, SC_SEED, at / sc_page()));
		EXPECT_TRUE(sc_page_is_zero(self->seg.addr + at + folio));
	}
}

SC_TEST(split_and_collapsed_again)
{
	int round;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	for (round = 0; round < 4; round++) {
		ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
		EXPECT_EQ(2, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
		EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
		if (sc_split(self->seg.addr, self->seg.len))
			SKIP(return, "debugfs split_huge_pages is not there");
		ASSERT_EQ(0, sc_huge_pages(self->seg.addr, self->seg.len));
	}
	EXPECT_GROWN(8, "collapsed");
}

/* --- what cannot be collapsed ---------------------------------------------------------------- */

SC_TEST(private_anonymous_memory)
{
	char *p = sc_reserve(sc_extent(), 0);

	p = mmap(p, sc_extent(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, madvise(p, sc_extent(), MADV_NOHUGEPAGE));
	sc_fill(p, sc_extent(), SC_SEED, 0);
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapse(getpid(), p, sc_extent()));
	EXPECT_GROWN(1, "failed_not_shmem");
	EXPECT_EQ(0, sc_verify(p, sc_extent(), SC_SEED, 0));
	/* Named by pid alone it is passed over. */
	EXPECT_ERRNO(0, sc_collapsef("0"));
	EXPECT_GROWN(1, "failed");
}

SC_TEST(hugetlb_memory)
{
	char *p;

	if (sc_switch("/proc/sys/vm/nr_hugepages", "1"))
		SKIP(return, "the kernel has no hugetlb pages");
	p = mmap(NULL, sc_extent(), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		SKIP(return, "no hugetlb page of PMD size can be had");
	sc_fill(p, sc_extent(), SC_SEED, 0);
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapse(getpid(), p, sc_extent()));
	EXPECT_EQ(0, sc_verify(p, sc_extent(), SC_SEED, 0));
	EXPECT_GROWN(1, "failed_not_shmem");
	munmap(p, sc_extent());
}

SC_TEST(secret_memory)
{
	int fd = syscall(SYS_memfd_secret, O_CLOEXEC);
	char *p;

	if (fd < 0)
		SKIP(return, "memfd_secret: %s", strerror(errno));
	ASSERT_EQ(0, ftruncate(fd, sc_extent()));
	p = sc_map(fd, sc_extent(), PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (p == MAP_FAILED)
		SKIP(return, "secret memory cannot be mapped: %s", strerror(errno));
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapse(getpid(), p, sc_extent()));
	munmap(p, sc_extent());
	close(fd);
}

SC_TEST(policy_denies_huge_shmem)
{
	struct sc_account before, after;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_switch(SC_THP "/shmem_enabled", "deny"));
	sc_account(&before, self->seg.fd, getpid(), NULL);
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapsef("%s", self->seg.path));
	sc_account(&after, self->seg.fd, getpid(), NULL);
	EXPECT_UNCHANGED(&before, &after);
	EXPECT_GROWN(2, "failed_thp_disabled");
	sc_restore_switches();
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
}

SC_TEST(process_that_disabled_huge_pages)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "failed_thp_disabled");
	ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

SC_TEST(mapping_that_refuses_huge_pages)
{
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, madvise(self->seg.addr, self->seg.len, MADV_NOHUGEPAGE));
	EXPECT_ERRNO(EOPNOTSUPP, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "failed_thp_disabled");
	EXPECT_EQ(0, sc_huge_mapped(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
}

TEST_HARNESS_MAIN
