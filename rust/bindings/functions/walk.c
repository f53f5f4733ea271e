// SPDX-License-Identifier: GPL-2.0
/*
 * Walks from a pgd entry to a pmd entry.
 *
 * Why this is C: where a level is folded, p4d_offset_lockless() and its like
 * return the address of the copy of the entry above that they were given. Here
 * the copies are variables of one function. With a wrapper for each level, Rust
 * would have to keep each in its place while an entry below is in use.
 */

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <asm/pgalloc.h>

#include "../functions.h"

/*
 * Each entry is read once, so that the value that is checked is the one that is
 * followed: only the reverse map may keep the tables in place.
 */
pmd_t *shmem_collapse_pmd_offset(struct vm_area_struct *vma, unsigned long addr)
{
	pgd_t *pgdp = pgd_offset(vma->vm_mm, addr), pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;

	/* Tables of hugetlb may be shared, and have locks of their own. */
	if (is_vm_hugetlb_page(vma))
		return NULL;
	pgd = pgdp_get(pgdp);
	if (!pgd_present(pgd))
		return NULL;
	/* With a folded level, what this returns is the address of the copy. */
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = p4dp_get(p4dp);
	if (!p4d_present(p4d))
		return NULL;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = pudp_get(pudp);
	/* DAX maps whole puds. */
	if (!pud_present(pud) || pud_leaf(pud))
		return NULL;
	/* With huge pages there are pmd tables, so this is no such address. */
	return pmd_offset_lockless(pudp, pud, addr);
}

/*
 * Returns false only without memory. The next walk finds any other reason why
 * there is no table.
 */
bool shmem_collapse_pmd_alloc(struct vm_area_struct *vma, unsigned long addr)
{
	p4d_t *p4d;
	pud_t *pud;

	if (is_vm_hugetlb_page(vma))
		return true;
	p4d = p4d_alloc(vma->vm_mm, pgd_offset(vma->vm_mm, addr), addr);
	if (!p4d)
		return false;
	pud = pud_alloc(vma->vm_mm, p4d, addr);
	if (!pud)
		return false;
	return !pud_none(pudp_get(pud)) || pmd_alloc(vma->vm_mm, pud, addr);
}

#ifdef CONFIG_HUGETLB_PAGE
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
#endif /* CONFIG_HUGETLB_PAGE */
