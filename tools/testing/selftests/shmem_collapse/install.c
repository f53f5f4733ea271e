// SPDX-License-Identifier: GPL-2.0
/*
 * The process that a request names has the extent mapped huge afterwards, also where it had nothing
 * mapped: without a fault, and without a page that was not there before.
 */
#define SC_OWN_FIXTURE
#include "device.h"
#include "fixture.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

FIXTURE(install)
{
	struct sc_stats before;
	struct sc_segment seg;
	char *view;		/* a mapping in which nothing was touched */
};

FIXTURE_VARIANT(install)
{
	enum sc_kind kind;
};

FIXTURE_VARIANT_ADD(install, memfd)
{
	.kind = SC_MEMFD,
};

FIXTURE_VARIANT_ADD(install, tmpfs)
{
	.kind = SC_TMPFS,
};

FIXTURE_VARIANT_ADD(install, sysv)
{
	.kind = SC_SYSV,
};

FIXTURE_SETUP(install)
{
	SC_SETUP();
	ASSERT_EQ(0, sc_create_filled(&self->seg, variant->kind, 2, SC_SEED));
	self->view = sc_map_segment(&self->seg, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->view);
	ASSERT_EQ(0, sc_present(getpid(), self->view, self->seg.len));
}

FIXTURE_TEARDOWN(install)
{
	SC_TEARDOWN();
}

#define INSTALL_TEST(name) TEST_F_TIMEOUT(install, name, SC_TIMEOUT)

#define EXPECT_INSTALLED() do { \
	EXPECT_EQ(2, sc_huge_mapped(getpid(), self->view, self->seg.len)); \
	EXPECT_EQ(0, sc_touch(self->view, self->seg.len)); \
	EXPECT_EQ(0, sc_verify(self->view, self->seg.len, SC_SEED, 0)); \
} while (0)

INSTALL_TEST(nothing_was_mapped)
{
	long long rss = sc_rss(getpid());

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->view, self->seg.len));
	EXPECT_GROWN(2, "collapsed");
	EXPECT_INSTALLED();
	EXPECT_EQ(rss + (long long)self->seg.len, sc_rss(getpid()));
	EXPECT_EQ(0, munmap(self->view, self->seg.len));
	EXPECT_EQ(rss, sc_rss(getpid()));
}

INSTALL_TEST(the_same_by_the_device)
{
	int dev = sc_device();
	struct sc_told told;

	ASSERT_LE(0, dev);
	told = sc_tell(dev, self->view, self->seg.len);
	EXPECT_ERRNO(0, told.err);
	EXPECT_EQ(SHMEM_COLLAPSE_COLLAPSED, told.outcome[0]);
	EXPECT_INSTALLED();
	close(dev);
}

INSTALL_TEST(extent_that_was_huge)
{
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(0, sc_present(getpid(), self->view, self->seg.len));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->view, self->seg.len));
	EXPECT_GROWN(2, "already_huge");
	EXPECT_INSTALLED();
}

/* A table without anything in it is in the way at first. */
INSTALL_TEST(empty_table)
{
	ASSERT_EQ(0, sc_verify(self->view, self->seg.len, SC_SEED, 0));
	ASSERT_EQ(0, madvise(self->view, self->seg.len, MADV_DONTNEED));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->view, self->seg.len));
	EXPECT_INSTALLED();
}

INSTALL_TEST(another_process)
{
	struct sc_mapper m;

	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	EXPECT_EQ(0, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	ASSERT_ERRNO(0, sc_collapse(m.pid, m.addr, self->seg.len));
	EXPECT_EQ(2, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	EXPECT_EQ(0, sc_call(&m, sc_op_touch, 0, 0, 0, 0));
	EXPECT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	/* Nobody else gets what it had not. */
	EXPECT_EQ(0, sc_present(getpid(), self->view, self->seg.len));
	sc_kill(&m, 1);
}

INSTALL_TEST(whole_process)
{
	struct sc_mapper m;

	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	ASSERT_ERRNO(0, sc_collapsef("%d", m.pid));
	EXPECT_EQ(2, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	EXPECT_EQ(0, sc_call(&m, sc_op_touch, 0, 0, 0, 0));
	sc_kill(&m, 1);
}

INSTALL_TEST(not_when_each_process_shall_fault)
{
	ASSERT_EQ(0, sc_knob_set("map_all", "0"));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->view, self->seg.len));
	EXPECT_EQ(0, sc_present(getpid(), self->view, self->seg.len));
}

/* Not with access that the mapping does not give. */
INSTALL_TEST(mapping_without_access)
{
	ASSERT_EQ(0, mprotect(self->view, self->seg.len, PROT_NONE));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->view, self->seg.len));
	EXPECT_GROWN(2, "collapsed");
	ASSERT_EQ(0, mprotect(self->view, self->seg.len, PROT_READ));
	EXPECT_EQ(0, sc_verify(self->view, self->seg.len, SC_SEED, 0));
}

/* Who waits for the first touch gets it as an event. */
INSTALL_TEST(H25_userfaultfd_waits)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	reg.range.start = (unsigned long)self->view;
	reg.range.len = self->seg.len;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
		SKIP(return, "userfaultfd: %s", strerror(errno));
	ASSERT_ERRNO(0, sc_collapse(getpid(), self->view, self->seg.len));
	EXPECT_GROWN(2, "collapsed");
	EXPECT_EQ(0, sc_present(getpid(), self->view, self->seg.len));
	close(uffd);
}

/* No hole is filled for it, and no page made. */
INSTALL_TEST(nothing_is_allocated)
{
	struct stat before, after;

	if (self->seg.fd < 0)
		SKIP(return, "the segment has no file");
	ASSERT_EQ(0, fallocate(self->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			       sc_extent()));
	ASSERT_EQ(0, fstat(self->seg.fd, &before));
	EXPECT_ERRNO(ENODATA, sc_collapse(getpid(), self->view, self->seg.len));
	ASSERT_EQ(0, fstat(self->seg.fd, &after));
	EXPECT_EQ(before.st_blocks, after.st_blocks);
	EXPECT_EQ(1, sc_huge_mapped(getpid(), self->view, self->seg.len));
}

TEST_HARNESS_MAIN
