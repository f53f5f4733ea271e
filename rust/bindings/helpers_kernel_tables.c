// SPDX-License-Identifier: GPL-2.0
/* The kernel's own page tables, for rust/pgtable/kernel_table.rs. */

#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <asm/pgalloc.h>

#include "helpers.h"

void shmem_collapse_kernel_tables_lock(void)
{
	mmap_read_lock(&init_mm);
}

void shmem_collapse_kernel_tables_unlock(void)
{
	mmap_read_unlock(&init_mm);
}

static struct shmem_collapse_kernel_place
kernel_leaf(unsigned int level, unsigned long first, unsigned long offset)
{
	struct shmem_collapse_kernel_place place = {
		.level = level,
		.leaf.kind = SHMEM_COLLAPSE_ENTRY_PAGE,
		.leaf.pfn = first + (offset >> PAGE_SHIFT),
	};

	return place;
}

struct shmem_collapse_kernel_place shmem_collapse_kernel_walk(unsigned long addr)
{
	struct shmem_collapse_kernel_place nothing = { };
	pgd_t *pgdp = pgd_offset_k(addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (!pgd_present(pgdp_get(pgdp)))
		return nothing;
	p4d = p4d_offset(pgdp, addr);
	if (!p4d_present(p4dp_get(p4d)))
		return nothing;
	pud = pud_offset(p4d, addr);
	if (!pud_present(pudp_get(pud)))
		return nothing;
	if (pud_leaf(pudp_get(pud)))
		return kernel_leaf(SHMEM_COLLAPSE_LEVEL_PUD,
				   pud_pfn(pudp_get(pud)), addr & ~PUD_MASK);
	pmd = pmd_offset(pud, addr);
	if (!pmd_present(pmdp_get(pmd)))
		return nothing;
	if (pmd_leaf(pmdp_get(pmd)))
		return kernel_leaf(SHMEM_COLLAPSE_LEVEL_PMD,
				   pmd_pfn(pmdp_get(pmd)), addr & ~PMD_MASK);
	nothing.table = pmd;
	return nothing;
}

pte_t *shmem_collapse_pte_offset_kernel(pmd_t *pmd, unsigned long addr)
{
	return pte_offset_kernel(pmd, addr);
}

/*
 * In kernel entries the bit of pte_special() is free for other uses, and what
 * is not present is no swap entry.
 */
struct shmem_collapse_entry shmem_collapse_kernel_pte_read(pte_t *pte)
{
	struct shmem_collapse_entry e = { };
	pte_t value = ptep_get(pte);

	if (pte_none(value))
		return e;
	e.kind = SHMEM_COLLAPSE_ENTRY_OTHER;
	if (pte_present(value)) {
		e.kind = SHMEM_COLLAPSE_ENTRY_PAGE;
		e.pfn = pte_pfn(value);
		e.flags = (pte_young(value) ? SHMEM_COLLAPSE_ENTRY_YOUNG : 0) |
			  (pte_dirty(value) ? SHMEM_COLLAPSE_ENTRY_DIRTY : 0) |
			  (pte_write(value) ? SHMEM_COLLAPSE_ENTRY_WRITE : 0);
	}
	return e;
}

bool shmem_collapse_kernel_table_alloc(pmd_t *pmd)
{
	pte_t *table = pte_alloc_one_kernel(&init_mm);

	if (!table)
		return false;
	*pmd = __pmd(0);
	pmd_populate_kernel(&init_mm, pmd, table);
	return true;
}

/* The table translates nothing yet: any kernel address will do. */
void shmem_collapse_kernel_pte_set(pte_t *pte, unsigned long pfn)
{
	set_pte_at(&init_mm, PAGE_OFFSET, pte, pfn_pte(pfn, PAGE_KERNEL));
}

void shmem_collapse_kernel_table_free(pmd_t pmd)
{
	pte_free_kernel(&init_mm, pte_offset_kernel(&pmd, 0));
}
