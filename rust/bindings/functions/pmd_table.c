// SPDX-License-Identifier: GPL-2.0
/*
 * Puts a migration entry in the place of a PTE table, and takes it out again.
 *
 * Why this is C: whether an architecture has pmdp_establish() is known to the
 * preprocessor only, and what has to be flushed for a table differs between
 * architectures. In the kernel these are functions of mm/pgtable-generic.c.
 */

#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/page_table_check.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <../mm/internal.h>

#include "../flush_tlb.h"
#include "../functions.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Without pmdp_establish() there is no exchange in one step. */
bool shmem_collapse_pmd_entries_supported(void)
{
#ifdef pmdp_establish
	return thp_migration_supported() && !arch_needs_pgtable_deposit();
#else
	return false;
#endif
}

#ifdef pmdp_establish
static pmd_t migration_pmd(struct page *huge, u32 flags)
{
	swp_entry_t entry = make_readable_migration_entry(page_to_pfn(huge));
	pmd_t pmd;

	if (flags & SHMEM_COLLAPSE_ENTRY_YOUNG)
		entry = make_migration_entry_young(entry);
	/*
	 * A dirty entry becomes one that is soft-dirty as well. The folio is dirty
	 * without it.
	 */
	if (flags & SHMEM_COLLAPSE_ENTRY_DIRTY &&
	    (flags & SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY || !pgtable_supports_soft_dirty()))
		entry = make_migration_entry_dirty(entry);
	pmd = softleaf_to_pmd(entry);
	if (flags & SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY)
		pmd = pmd_swp_mksoft_dirty(pmd);
	return pmd;
}
#endif

pmd_t shmem_collapse_pmd_replace_table(struct vm_area_struct *vma,
				       unsigned long addr, pmd_t *pmd,
				       struct page *huge, u32 flags)
{
#ifdef pmdp_establish
	pmd_t table;

	flush_cache_range(vma, addr, addr + HPAGE_PMD_SIZE);
	/* One exchange: a fault finds the table or the entry, never nothing. */
	table = pmdp_establish(vma, addr, pmd, migration_pmd(huge, flags));
#ifdef CONFIG_RISCV
	/* A fence by address is for leaf entries only. */
	flush_tlb_mm(vma->vm_mm);
#else
	flush_tlb_range(vma, addr, addr + HPAGE_PMD_SIZE);
#endif
	pmdp_get_lockless_sync();
	return table;
#else
	/* Not reached: see shmem_collapse_pmd_entries_supported(). */
	WARN_ON_ONCE(1);
	return shmem_collapse_pmd_remove_table(vma, addr, pmd);
#endif
}

bool shmem_collapse_pmd_clear_migration(struct vm_area_struct *vma,
					unsigned long addr, pmd_t *pmd,
					struct page *huge, bool spare_soft_dirty)
{
	struct shmem_collapse_entry e = shmem_collapse_pmd_read(pmd);

	/* Or what is cleared may not be what was read. */
	lockdep_assert_held(pmd_lockptr(vma->vm_mm, pmd));
	if (e.kind != SHMEM_COLLAPSE_ENTRY_MIGRATION ||
	    e.pfn != page_to_pfn(huge))
		return false;
	if (spare_soft_dirty && pmd_swp_soft_dirty(pmdp_get(pmd)) &&
	    vma_soft_dirty_enabled(vma))
		return false;
	pmdp_huge_get_and_clear(vma->vm_mm, addr, pmd);
	return true;
}

void shmem_collapse_detached_zero(struct mm_struct *mm, unsigned long addr,
				  pmd_t table, pte_t *start)
{
	unsigned int i;

	mm_dec_nr_ptes(mm);
	/* page_table_check forgets the pages first: it reads the entries. */
	page_table_check_pte_clear_range(mm, addr, table);
	if (pte_none(__pte(0))) {
		memset(start, 0, PTRS_PER_PTE * sizeof(*start));
		return;
	}
	/* On s390 an entry of zeroes is not none. */
	for (i = 0; i < PTRS_PER_PTE; i++)
		pte_clear(mm, addr + i * PAGE_SIZE, start + i);
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
