/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHMEM_COLLAPSE_FLUSH_TLB_H
#define SHMEM_COLLAPSE_FLUSH_TLB_H

#include <linux/mm_types.h>
#include <asm/tlbflush.h>

#if defined(CONFIG_X86) && !defined(flush_tlb_range)
/* asm/tlbflush.h keeps its range flush from modules. */
void flush_tlb_mm_range(struct mm_struct *mm, unsigned long start,
			unsigned long end, unsigned int stride_shift,
			bool freed_tables);

#define flush_tlb_range(vma, start, end) \
	flush_tlb_mm_range((vma)->vm_mm, start, end, PAGE_SHIFT, true)
#endif

#endif /* SHMEM_COLLAPSE_FLUSH_TLB_H */
