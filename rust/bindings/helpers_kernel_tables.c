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

/*
 * Each entry is read once, and what is checked is the value that is used. A
 * leaf may be split meanwhile: set_memory_*() on x86 does that under the same
 * lock, held for reading. Tables go away only while it is held for writing.
 */
struct shmem_collapse_kernel_place shmem_collapse_kernel_walk(unsigned long addr)
{
	struct shmem_collapse_kernel_place place = { };
	pgd_t *pgdp = pgd_offset_k(addr), pgd = pgdp_get(pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	if (!pgd_present(pgd))
		return place;
	/* With a folded level, what this returns is the address of the copy. */
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = p4dp_get(p4dp);
	if (!p4d_present(p4d))
		return place;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = pudp_get(pudp);
	if (!pud_present(pud))
		return place;
	if (pud_leaf(pud))
		return kernel_leaf(SHMEM_COLLAPSE_LEVEL_PUD, pud_pfn(pud),
				   addr & ~PUD_MASK);
	/* With huge pages there are pmd tables, so this is no such address. */
	pmdp = pmd_offset_lockless(pudp, pud, addr);
	pmd = pmdp_get(pmdp);
	if (!pmd_present(pmd))
		return place;
	if (pmd_leaf(pmd))
		return kernel_leaf(SHMEM_COLLAPSE_LEVEL_PMD, pmd_pfn(pmd),
				   addr & ~PMD_MASK);
	place.table = pmdp;
	return place;
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
