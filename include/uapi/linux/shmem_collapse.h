/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/shmem_collapse: a process makes its own shared memory huge.
 *
 * An extent is a PMD-sized piece of the address space, aligned to its size:
 * /sys/kernel/mm/transparent_hugepage/hpage_pmd_size has the number of bytes.
 */
#ifndef _UAPI_LINUX_SHMEM_COLLAPSE_H
#define _UAPI_LINUX_SHMEM_COLLAPSE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct shmem_collapse_range - what SHMEM_COLLAPSE_RANGE is to act on
 * @addr:	First address, in the address space of the caller. Rounded up to
 *		an extent.
 * @len:	Length in bytes. The end is rounded down to an extent.
 * @flags:	0, or SHMEM_COLLAPSE_REAP. Others are EINVAL.
 * @nr_outcomes: In: how many numbers @outcomes has room for. Out: how many
 *		extents there are in the range, whether there was room or not.
 * @outcomes:	Address of an array of __u32. Receives one &enum
 *		shmem_collapse_outcome for each extent, in the order of
 *		addresses. Not looked at if @nr_outcomes is 0.
 *
 * The layout is the same for 32-bit and 64-bit programs.
 */
struct shmem_collapse_range {
	__u64 addr;
	__u64 len;
	__u32 flags;
	__u32 nr_outcomes;
	__u64 outcomes;
};

/*
 * Returns 0 if every extent of the range is huge at the end. Otherwise it fails
 * with the errno of the first extent that is not; all of them were tried, and
 * the argument is filled in all the same.
 */
#define SHMEM_COLLAPSE_RANGE	_IOWR('h', 0xC0, struct shmem_collapse_range)

/*
 * Nothing is made huge: page tables of the range with nothing in them are freed,
 * those of the caller only. The outcome of an extent is then 0, whether it had
 * such a table or not, or SHMEM_COLLAPSE_VMA_BUSY; the call returns 0 in any case
 * unless the argument is wrong or a signal arrives.
 */
#define SHMEM_COLLAPSE_REAP	1

/**
 * enum shmem_collapse_outcome - what became of an extent
 *
 * A number never changes its meaning; new ones are added at the end. The errno
 * that stands for the outcome follows each.
 *
 * @SHMEM_COLLAPSE_COLLAPSED: 0: huge now, and was not before
 * @SHMEM_COLLAPSE_ALREADY_HUGE: 0: was huge already
 * @SHMEM_COLLAPSE_MISALIGNED: EINVAL: address and file offset are not congruent
 * @SHMEM_COLLAPSE_NOT_SHMEM: EOPNOTSUPP: other memory than shmem
 * @SHMEM_COLLAPSE_THP_DISABLED: EOPNOTSUPP: huge pages are switched off
 * @SHMEM_COLLAPSE_FROZEN: EOPNOTSUPP: a live update has frozen the file
 * @SHMEM_COLLAPSE_ZONE: EOPNOTSUPP: the file may not use that zone's memory
 * @SHMEM_COLLAPSE_UNMAPPED: ENOMEM: nothing is mapped there
 * @SHMEM_COLLAPSE_NO_HUGE_PAGE: ENOMEM: there is no free huge page
 * @SHMEM_COLLAPSE_NO_MEMORY: ENOMEM: other memory ran out
 * @SHMEM_COLLAPSE_MEMCG_LIMIT: ENOMEM: limit of the memory control group
 * @SHMEM_COLLAPSE_LOCKED: EAGAIN: a page is locked
 * @SHMEM_COLLAPSE_PINNED: EAGAIN: a page is pinned for DMA
 * @SHMEM_COLLAPSE_VMA_BUSY: EAGAIN: the mapping is being changed
 * @SHMEM_COLLAPSE_FILLED: EAGAIN: somebody filled a hole meanwhile
 * @SHMEM_COLLAPSE_LRU: EAGAIN: a page has a reference that should pass
 * @SHMEM_COLLAPSE_RACED: EAGAIN: the extent changed meanwhile
 * @SHMEM_COLLAPSE_TOO_MANY_HOLES: EBUSY: more holes than max_ptes_none, or
 *	any hole below a mapping that is private or cannot be written
 * @SHMEM_COLLAPSE_TOO_MANY_SWAPPED: EBUSY: more pages than max_ptes_swap in swap
 * @SHMEM_COLLAPSE_UFFD_MISSING: EBUSY: a userfaultfd waits for missing pages
 * @SHMEM_COLLAPSE_UFFD_ARMED: EBUSY: a userfaultfd needs small pages here
 * @SHMEM_COLLAPSE_NO_SPACE: ENOSPC: the holes exceed the size of the tmpfs
 * @SHMEM_COLLAPSE_NO_QUOTA: EDQUOT: the holes exceed a quota
 * @SHMEM_COLLAPSE_POISONED: EHWPOISON: a page has a hardware error
 * @SHMEM_COLLAPSE_EMPTY: ENODATA: the file has no page in the extent
 * @SHMEM_COLLAPSE_NR_OUTCOMES: how many this header knows; grows
 */
enum shmem_collapse_outcome {
	SHMEM_COLLAPSE_COLLAPSED = 0,
	SHMEM_COLLAPSE_ALREADY_HUGE = 1,
	SHMEM_COLLAPSE_MISALIGNED = 2,
	SHMEM_COLLAPSE_NOT_SHMEM = 3,
	SHMEM_COLLAPSE_THP_DISABLED = 4,
	SHMEM_COLLAPSE_FROZEN = 5,
	SHMEM_COLLAPSE_ZONE = 6,
	SHMEM_COLLAPSE_UNMAPPED = 7,
	SHMEM_COLLAPSE_NO_HUGE_PAGE = 8,
	SHMEM_COLLAPSE_NO_MEMORY = 9,
	SHMEM_COLLAPSE_MEMCG_LIMIT = 10,
	SHMEM_COLLAPSE_LOCKED = 11,
	SHMEM_COLLAPSE_PINNED = 12,
	SHMEM_COLLAPSE_VMA_BUSY = 13,
	SHMEM_COLLAPSE_FILLED = 14,
	SHMEM_COLLAPSE_LRU = 15,
	SHMEM_COLLAPSE_RACED = 16,
	SHMEM_COLLAPSE_TOO_MANY_HOLES = 17,
	SHMEM_COLLAPSE_TOO_MANY_SWAPPED = 18,
	SHMEM_COLLAPSE_UFFD_MISSING = 19,
	SHMEM_COLLAPSE_UFFD_ARMED = 20,
	SHMEM_COLLAPSE_NO_SPACE = 21,
	SHMEM_COLLAPSE_NO_QUOTA = 22,
	SHMEM_COLLAPSE_POISONED = 23,
	SHMEM_COLLAPSE_EMPTY = 24,
	SHMEM_COLLAPSE_NR_OUTCOMES
};

#endif /* _UAPI_LINUX_SHMEM_COLLAPSE_H */
