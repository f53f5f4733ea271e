// SPDX-License-Identifier: GPL-2.0
/* Page-table inlines for rust/pgtable/. */

#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmu_notifier.h>
#include <linux/pgtable.h>
#include <asm/pgalloc.h>
#include <../mm/internal.h>

#include "flush_tlb.h"
#include "helpers.h"

bool shmem_collapse_pte_alloc(struct mm_struct *mm, pmd_t *pmd)
{
	return !pte_alloc(mm, pmd);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
pte_t *shmem_collapse_pte_offset_map(pmd_t *pmd, unsigned long addr)
{
	return pte_offset_map(pmd, addr);
}

void shmem_collapse_pte_unmap(pte_t *pte)
{
	pte_unmap(pte);
}

bool shmem_collapse_pmd_unchanged(pmd_t *pmd, pmd_t expected)
{
	return pmd_same(expected, pmdp_get_lockless(pmd));
}

spinlock_t *shmem_collapse_pmd_lock(struct mm_struct *mm, pmd_t *pmd)
{
	return pmd_lock(mm, pmd);
}

spinlock_t *shmem_collapse_pte_lockptr(struct mm_struct *mm, pmd_t *pmd)
{
	return pte_lockptr(mm, pmd);
}

void shmem_collapse_spin_lock_nested(spinlock_t *lock)
{
	spin_lock_nested(lock, SINGLE_DEPTH_NESTING);
}

pmd_t shmem_collapse_pmd_remove_table(struct vm_area_struct *vma,
				      unsigned long addr, pmd_t *pmd)
{
	pmd_t table = pmdp_collapse_flush(vma, addr, pmd);

	pmdp_get_lockless_sync();
	return table;
}

void shmem_collapse_detached_free(struct mm_struct *mm, pmd_t table)
{
	pte_free_defer(mm, pmd_pgtable(table));
}

void shmem_collapse_flush_tlb_range(struct vm_area_struct *vma,
				    unsigned long start, unsigned long end)
{
	flush_tlb_range(vma, start, end);
}

void shmem_collapse_flush_cache_range(struct vm_area_struct *vma,
				      unsigned long start, unsigned long end)
{
	flush_cache_range(vma, start, end);
}

void shmem_collapse_notifier_start(struct mmu_notifier_range *range,
				   struct mm_struct *mm, unsigned long start,
				   unsigned long end)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, mm, start, end);
	mmu_notifier_invalidate_range_start(range);
}

void shmem_collapse_notifier_end(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_end(range);
}

#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
