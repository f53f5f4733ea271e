// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit program without a C library: maps descriptor 4 and asks descriptor 3
 * to make it huge. Part of the program "device", which runs it.
 *
 * Exit status: 0, or the number of the step that went wrong.
 */
#include <asm/unistd_32.h>
#include <linux/mman.h>
#include <linux/shmem_collapse.h>

#define EXTENT	(2u << 20)
#define LEN	(3 * EXTENT)
#define AT	0x40000000u

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	long result;

	asm volatile("push %%ebp\n\t"
		     "mov %[f], %%ebp\n\t"
		     "int $0x80\n\t"
		     "pop %%ebp"
		     : "=a" (result)
		     : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d), "D" (e), [f] "m" (f)
		     : "memory");
	return result;
}

static int work(void)
{
	__u32 outcome[4] = { ~0u, ~0u, ~0u, ~0u };
	struct shmem_collapse_range range = {
		.addr = AT,
		.len = LEN,
		.nr_outcomes = 4,
		.outcomes = (unsigned long)outcome,
	};

	_Static_assert(sizeof(void *) == 4 && sizeof(range) == 32, "layout");
	if (call(__NR_mmap2, AT, LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 4, 0) != AT)
		return 1;
	if (call(__NR_ioctl, 3, SHMEM_COLLAPSE_RANGE, (long)&range, 0, 0, 0))
		return 2;
	if (range.nr_outcomes != 3)
		return 3;
	if (outcome[0] != SHMEM_COLLAPSE_COLLAPSED || outcome[1] != SHMEM_COLLAPSE_ALREADY_HUGE ||
	    outcome[2] != SHMEM_COLLAPSE_COLLAPSED || outcome[3] != ~0u)
		return 4;
	/* What a 64-bit program could have is beyond this one's addresses. */
	range.len = 1ull << 33;
	if (call(__NR_ioctl, 3, SHMEM_COLLAPSE_RANGE, (long)&range, 0, 0, 0) != -22)
		return 5;
	/* A pointer must not be cut to 32 bits. */
	range.len = LEN;
	range.outcomes += 1ull << 32;
	if (call(__NR_ioctl, 3, SHMEM_COLLAPSE_RANGE, (long)&range, 0, 0, 0) != -14)
		return 6;
	return 0;
}

void _start(void)
{
	call(__NR_exit, work(), 0, 0, 0, 0, 0);
	__builtin_unreachable();
}
