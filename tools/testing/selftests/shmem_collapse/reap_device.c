// SPDX-License-Identifier: GPL-2.0
/* Who may ask for empty page tables to be freed, how, and what is answered. */
#include "device.h"
#include "fixture.h"
#include "tables.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>

#define EXTENTS	4

static long long tables(pid_t pid, const void *addr, size_t len)
{
	return sc_tables_of(pid, addr, len, "pte_tables");
}

/* --- the device ------------------------------------------------------------------------------ */

static int reap_own(int fd, void *addr, size_t len, uint32_t *outcomes, uint32_t *count)
{
	struct shmem_collapse_range range = {
		.addr = (unsigned long)addr,
		.len = len,
		.flags = SHMEM_COLLAPSE_REAP,
		.nr_outcomes = *count,
		.outcomes = (unsigned long)outcomes,
	};
	int err = sc_device_raw(fd, &range);

	*count = range.nr_outcomes;
	return err;
}

SC_TEST(from_the_device_the_callers_own)
{
	uint32_t outcomes[EXTENTS] = { 99, 99, 99, 99 }, count = EXTENTS;
	struct sc_mapper m;
	int fd = sc_device(), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, EXTENTS, SC_SEED));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, (EXTENTS - 1) * sc_nr()));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_UNRELATED));
	sc_call(&m, sc_op_touch, 0, 0, 0, 0);
	ASSERT_ERRNO(0, reap_own(fd, self->seg.addr, self->seg.len, outcomes, &count));
	EXPECT_EQ(EXTENTS, count);
	for (i = 0; i < EXTENTS; i++)
		EXPECT_EQ(0, outcomes[i]);
	EXPECT_EQ(1, tables(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(EXTENTS - 1, "page_tables_freed");
	EXPECT_EQ(EXTENTS, tables(m.pid, m.addr, self->seg.len));
	/* Nothing mapped is nothing to free; there may be less room than outcomes. */
	munmap(self->seg.addr + sc_extent(), sc_extent());
	count = 1;
	outcomes[0] = 99;
	outcomes[1] = 99;
	ASSERT_ERRNO(0, reap_own(fd, self->seg.addr, self->seg.len, outcomes, &count));
	EXPECT_EQ(EXTENTS, count);
	EXPECT_EQ(0, outcomes[0]);
	EXPECT_EQ(99, outcomes[1]);
	count = 0;
	EXPECT_ERRNO(EINVAL, reap_own(fd, (void *)-2ul, sc_extent(), outcomes, &count));
	close(fd);
	sc_kill(&m, 1);
}

SC_TEST(other_flags_are_refused)
{
	struct shmem_collapse_range range = { .flags = 2 };
	int fd = sc_device();

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EINVAL, sc_device_raw(fd, &range));
	range.flags = SHMEM_COLLAPSE_REAP | 0x80000000;
	EXPECT_ERRNO(EINVAL, sc_device_raw(fd, &range));
	close(fd);
}

/* A mapping that is being changed is no reason to fail: the answer tells. */
SC_TEST(a_busy_mapping_is_told)
{
	uint32_t outcomes[2] = { 99, 99 }, count = 2;
	int fd;

	if (!sc_has_faults())
		SKIP(return, SC_NO_FAULTS);
	fd = sc_device();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 2, SC_SEED));
	ASSERT_EQ(0, sc_punch(&self->seg, 0, 2 * sc_nr()));
	ASSERT_EQ(0, sc_knob_set("patience_ms", "0"));
	ASSERT_EQ(0, sc_fail("vma_lock", SC_ALWAYS, 1));
	EXPECT_ERRNO(0, reap_own(fd, self->seg.addr, sc_extent(), outcomes, &count));
	EXPECT_EQ(0, outcomes[0]);
	count = 2;
	EXPECT_ERRNO(0, reap_own(fd, self->seg.addr, self->seg.len, outcomes, &count));
	EXPECT_EQ(SHMEM_COLLAPSE_VMA_BUSY, outcomes[0]);
	EXPECT_EQ(SHMEM_COLLAPSE_VMA_BUSY, outcomes[1]);
	EXPECT_ERRNO(0, sc_reap(getpid(), self->seg.addr, self->seg.len));
	EXPECT_GROWN(1, "page_tables_freed");
	sc_faults_off();
	close(fd);
}

/* --- errors ---------------------------------------------------------------------------------- */

SC_TEST(errors)
{
	pid_t pid;

	EXPECT_ERRNO(EINVAL, sc_reapf("x"));
	EXPECT_ERRNO(EINVAL, sc_reapf("1,2"));
	EXPECT_ERRNO(EINVAL, sc_reapf("0,2,1"));
	EXPECT_ERRNO(EINVAL, sc_reapf("0,0,0xffffffffffffffff"));
	EXPECT_ERRNO(ESRCH, sc_reapf("4194303"));
	EXPECT_ERRNO(ENOENT, sc_reapf("/nowhere"));
	EXPECT_ERRNO(EOPNOTSUPP, sc_reapf("/dev/null"));
	/* Nothing to free is success. */
	EXPECT_ERRNO(0, sc_reapf("0,0,0"));
	EXPECT_ERRNO(0, sc_reapf("0,0x1000,0x200000"));
	pid = sc_fork();
	if (!pid) {
		int fd = open(SC_DIR "/reap", O_WRONLY);

		if (fd < 0 || sc_drop_cap(CAP_SYS_ADMIN))
			_exit(2);
		_exit(write(fd, "0", 1) < 0 && errno == EPERM ? 0 : 1);
	}
	EXPECT_EQ(0, sc_join(pid));
}

TEST_HARNESS_MAIN
