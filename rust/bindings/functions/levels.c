// SPDX-License-Identifier: GPL-2.0
/*
 * Tells what the levels of a page table are like, and which entry is the
 * lowest.
 *
 * Why this is C: see walk.c. Sizes of levels are macros that may call
 * functions.
 */

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "../functions.h"

unsigned int shmem_collapse_level_shift(unsigned int level)
{
	switch (level) {
	case SHMEM_COLLAPSE_LEVEL_PTE:
		return PAGE_SHIFT;
	case SHMEM_COLLAPSE_LEVEL_PMD:
		return PMD_SHIFT;
	case SHMEM_COLLAPSE_LEVEL_PUD:
		return PUD_SHIFT;
	case SHMEM_COLLAPSE_LEVEL_P4D:
		return P4D_SHIFT;
	default:
		return PGDIR_SHIFT;
	}
}

/* As mm_inc_nr_ptes() and its like count them. */
unsigned long shmem_collapse_table_bytes(unsigned int level)
{
	switch (level) {
	case SHMEM_COLLAPSE_LEVEL_PTE:
		return PTRS_PER_PTE * sizeof(pte_t);
	case SHMEM_COLLAPSE_LEVEL_PMD:
		return PTRS_PER_PMD * sizeof(pmd_t);
	case SHMEM_COLLAPSE_LEVEL_PUD:
		return PTRS_PER_PUD * sizeof(pud_t);
	case SHMEM_COLLAPSE_LEVEL_P4D:
		return PTRS_PER_P4D * sizeof(p4d_t);
	default:
		return PTRS_PER_PGD * sizeof(pgd_t);
	}
}

/* Returns whether tables of the level are single entries of the level above. */
bool shmem_collapse_level_folded(struct mm_struct *mm, unsigned int level)
{
	switch (level) {
	case SHMEM_COLLAPSE_LEVEL_PMD:
		return mm_pmd_folded(mm);
	case SHMEM_COLLAPSE_LEVEL_PUD:
		return mm_pud_folded(mm) || PTRS_PER_PUD == 1;
	case SHMEM_COLLAPSE_LEVEL_P4D:
		return mm_p4d_folded(mm) || PTRS_PER_P4D == 1;
	default:
		return false;
	}
}

/* Returns how many PTEs make a run (contpte, Svnapot), or 1 without runs. */
unsigned long shmem_collapse_run_pages(void)
{
#if defined(CONFIG_ARM64)
	return CONT_PTES;
#elif defined(CONFIG_RISCV_ISA_SVNAPOT)
	return napot_pte_num(NAPOT_CONT64KB_ORDER);
#else
	return 1;
#endif
}

/*
 * Each entry is read once, as by shmem_collapse_pmd_offset(). False for
 * hugetlb.
 */
bool shmem_collapse_walk_user(struct vm_area_struct *vma, unsigned long addr,
			      struct shmem_collapse_lowest *lowest)
{
	pgd_t *pgdp = pgd_offset(vma->vm_mm, addr), pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;

	if (is_vm_hugetlb_page(vma))
		return false;
	*lowest = (struct shmem_collapse_lowest){ .level = SHMEM_COLLAPSE_LEVEL_PGD };
	pgd = pgdp_get(pgdp);
	if (!pgd_present(pgd))
		return true;
	lowest->level = SHMEM_COLLAPSE_LEVEL_P4D;
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = p4dp_get(p4dp);
	if (!p4d_present(p4d))
		return true;
	lowest->level = SHMEM_COLLAPSE_LEVEL_PUD;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = pudp_get(pudp);
	if (!pud_present(pud))
		return true;
	if (pud_leaf(pud)) {
		lowest->entry.kind = pud_special(pud) ?
			SHMEM_COLLAPSE_ENTRY_SPECIAL : SHMEM_COLLAPSE_ENTRY_PAGE;
		lowest->entry.pfn = pud_pfn(pud);
		return true;
	}
	lowest->level = SHMEM_COLLAPSE_LEVEL_PMD;
	lowest->entry =
		shmem_collapse_pmd_read_lockless(pmd_offset_lockless(pudp, pud, addr));
	return true;
}

/*
 * Returns whether a huge entry of the mapping has a PTE table put aside, for
 * when it is split, which its process pays for.
 */
bool shmem_collapse_vma_withholds_tables(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) || arch_needs_pgtable_deposit();
}
