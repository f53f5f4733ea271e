// SPDX-License-Identifier: GPL-2.0
/*
 * Walks the kernel's own page tables, for rust/pgtable/kernel_table.rs.
 *
 * Why this is C: see walk.c. Besides, which regions there are is known to the
 * preprocessor only.
 */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/pgalloc.h>

#include "../functions.h"

void shmem_collapse_kernel_tables_lock(void)
{
	mmap_write_lock(&init_mm);
}

void shmem_collapse_kernel_tables_unlock(void)
{
	mmap_write_unlock(&init_mm);
}

/*
 * The walk may reach memory that is not ours: the lock, held for writing, keeps
 * tables from being freed, but not those of memory that is hot-removed. Every
 * entry is therefore read in a way that survives its table, and once, so that
 * the value that is checked is the one that is followed.
 */
#define read_entry(value, entry) \
	(!copy_from_kernel_nofault(&(value), entry, sizeof(value)))

/*
 * Whether an entry still points to memory. A folded level is a copy, or the table
 * before it, which may be part of the kernel's image.
 */
#define is_table(entry, copy, before) \
	((void *)(entry) == (void *)&(copy) || virt_addr_valid(entry) || \
	 ((unsigned long)(entry) & PAGE_MASK) == ((unsigned long)(before) & PAGE_MASK))

static struct shmem_collapse_kernel_place
kernel_leaf(unsigned int level, unsigned long first, unsigned long addr,
	    unsigned long entry_size, unsigned long leaf_size)
{
	struct shmem_collapse_kernel_place place = {
		.level = level,
		.size = leaf_size,
		.entry.kind = SHMEM_COLLAPSE_ENTRY_PAGE,
		.entry.pfn = first + ((addr & (entry_size - 1)) >> PAGE_SHIFT),
	};

	return place;
}

struct shmem_collapse_kernel_place shmem_collapse_kernel_walk(unsigned long addr)
{
	struct shmem_collapse_kernel_place place = { };
	pgd_t *pgdp = pgd_offset_k(addr), pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	place.level = SHMEM_COLLAPSE_LEVEL_PGD;
	if (!read_entry(pgd, pgdp) || !pgd_present(pgd))
		return place;
	place.level = SHMEM_COLLAPSE_LEVEL_P4D;
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	if (!is_table(p4dp, pgd, pgdp) || !read_entry(p4d, p4dp) || !p4d_present(p4d))
		return place;
	place.level = SHMEM_COLLAPSE_LEVEL_PUD;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	if (!is_table(pudp, p4d, p4dp) || !read_entry(pud, pudp) || !pud_present(pud))
		return place;
	if (pud_leaf(pud))
		return kernel_leaf(place.level, pud_pfn(pud), addr, PUD_SIZE,
				   pud_leaf_size(pud));
	place.level = SHMEM_COLLAPSE_LEVEL_PMD;
	pmdp = pmd_offset_lockless(pudp, pud, addr);
	if (!is_table(pmdp, pud, pudp) || !read_entry(pmd, pmdp) || !pmd_present(pmd))
		return place;
	if (pmd_leaf(pmd))
		return kernel_leaf(place.level, pmd_pfn(pmd), addr, PMD_SIZE,
				   pmd_leaf_size(pmd));
	if (virt_addr_valid(pte_offset_kernel(&pmd, 0))) {
		place.entry.kind = SHMEM_COLLAPSE_ENTRY_TABLE;
		place.table = pmd;
	}
	return place;
}

/* Returns false without such a region, or if it is not in page tables. */
bool shmem_collapse_kernel_region(unsigned int region, unsigned long *start,
				  unsigned long *end)
{
	switch (region) {
#if defined(CONFIG_X86) || defined(CONFIG_ARM64) || defined(CONFIG_RISCV) || \
	defined(CONFIG_ARM)
	case SHMEM_COLLAPSE_REGION_DIRECT:
		*start = PAGE_OFFSET;
		*end = (unsigned long)high_memory;
		return true;
#endif
	case SHMEM_COLLAPSE_REGION_VMALLOC:
		*start = VMALLOC_START;
		*end = PAGE_ALIGN_DOWN(VMALLOC_END) + PAGE_SIZE;
		return true;
#if defined(CONFIG_RISCV) && defined(CONFIG_64BIT)
	case SHMEM_COLLAPSE_REGION_MODULES:
		*start = MODULES_LOWEST_VADDR;
		*end = kernel_map.virt_addr;
		return true;
#elif defined(CONFIG_X86_64) || defined(CONFIG_ARM64)
	case SHMEM_COLLAPSE_REGION_MODULES:
		*start = MODULES_VADDR;
		*end = MODULES_END;
		return true;
#endif
	default:
		return false;
	}
}

/*
 * Returns whether kernel addresses may be told to the current task and to who
 * opened @file: as for /proc/kallsyms, but never for profiling only.
 * kptr_restrict is not exported; what it does to %pK says whether it forbids
 * all addresses.
 */
bool shmem_collapse_addresses_shown(struct file *file)
{
	char text[24];

	snprintf(text, sizeof(text), "%pK", &init_mm);
	return text[strspn(text, "0")] && capable(CAP_SYSLOG) &&
	       file_ns_capable(file, &init_user_ns, CAP_SYSLOG);
}

bool shmem_collapse_locked_down(void)
{
	return security_locked_down(LOCKDOWN_DEBUGFS);
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
	pte_t value;

	if (!read_entry(value, pte) || pte_none(value))
		return e;
	e.kind = SHMEM_COLLAPSE_ENTRY_OTHER;
	if (pte_present(value)) {
		e.kind = SHMEM_COLLAPSE_ENTRY_PAGE;
		e.pfn = pte_pfn(value);
		e.flags = (pte_young(value) ? SHMEM_COLLAPSE_ENTRY_YOUNG : 0) |
			  (pte_dirty(value) ? SHMEM_COLLAPSE_ENTRY_DIRTY : 0) |
			  (pte_write(value) ? SHMEM_COLLAPSE_ENTRY_WRITE : 0) |
			  (pte_leaf_size(value) > PAGE_SIZE ?
			   SHMEM_COLLAPSE_ENTRY_RUN : 0);
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
