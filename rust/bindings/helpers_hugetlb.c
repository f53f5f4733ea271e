// SPDX-License-Identifier: GPL-2.0
/* hugetlb inlines for rust/hugetlb/. */

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "helpers.h"

bool shmem_collapse_hugetlb_lock(struct vm_area_struct *vma)
{
	if (!is_vm_hugetlb_page(vma))
		return false;
	hugetlb_vma_lock_read(vma);
	return true;
}

void shmem_collapse_hugetlb_unlock(struct vm_area_struct *vma)
{
	hugetlb_vma_unlock_read(vma);
}

unsigned long shmem_collapse_hugetlb_page_size(struct vm_area_struct *vma)
{
	return huge_page_size(hstate_vma(vma));
}

void *shmem_collapse_hugetlb_top(struct vm_area_struct *vma, unsigned long addr)
{
	return pgd_offset(vma->vm_mm, addr);
}

/*
 * NULL if the entry points to no table.
 *
 * Each entry is read once before it is checked. The *_offset() functions read
 * it again, and find the same table: the VMA's lock and hugetlb's keep it. (The
 * lockless variants would return the address of a copy for a folded level.)
 */
void *shmem_collapse_hugetlb_below(unsigned int level, void *entry,
				   unsigned long addr)
{
	/* Some of the accessors are macros: on arm one that wants this very name. */
	pgd_t *pgdp = entry;
	p4d_t *p4dp = entry;
	pud_t *pudp = entry;

	switch (level) {
	case SHMEM_COLLAPSE_LEVEL_PGD:
		return pgd_present(pgdp_get(pgdp)) ? p4d_offset(pgdp, addr) : NULL;
	case SHMEM_COLLAPSE_LEVEL_P4D:
		return p4d_present(p4dp_get(p4dp)) ? pud_offset(p4dp, addr) : NULL;
	case SHMEM_COLLAPSE_LEVEL_PUD: {
		pud_t pud = pudp_get(pudp);

		if (!pud_present(pud) || pud_leaf(pud))
			return NULL;
		return pmd_offset(pudp, addr);
	}
#ifndef CONFIG_HIGHPTE
	case SHMEM_COLLAPSE_LEVEL_PMD: {
		pmd_t *pmdp = entry, pmd = pmdp_get(pmdp);

		if (!pmd_present(pmd) || pmd_leaf(pmd))
			return NULL;
		return pte_offset_huge(pmdp, addr);
	}
#endif
	default:
		return NULL;
	}
}

void *shmem_collapse_hugetlb_offset(struct vm_area_struct *vma,
				    unsigned long addr)
{
	unsigned long size = huge_page_size(hstate_vma(vma));

	return hugetlb_walk(vma, addr & ~(size - 1), size);
}

void *shmem_collapse_hugetlb_alloc(struct vm_area_struct *vma,
				   unsigned long addr)
{
	unsigned long size = huge_page_size(hstate_vma(vma));

	return huge_pte_alloc(vma->vm_mm, vma, addr & ~(size - 1), size);
}

struct shmem_collapse_entry
shmem_collapse_hugetlb_read(struct vm_area_struct *vma, unsigned long addr,
			    void *entry)
{
	spinlock_t *lock = huge_pte_lock(hstate_vma(vma), vma->vm_mm, entry);
	pte_t pte = huge_ptep_get(vma->vm_mm, addr, entry);

	spin_unlock(lock);
	return shmem_collapse_pte_decode(pte);
}
