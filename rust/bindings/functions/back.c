// SPDX-License-Identifier: GPL-2.0
/*
 * Maps pages again where migration entries took their places.
 *
 * Why this is C: an entry is made of up to six steps that are inline functions,
 * for up to 512 pages, under the locks of the table. In the kernel these are
 * parts of mm/migrate.c.
 */

#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>
#include <asm/pgalloc.h>
#include <asm/tlbflush.h>
#include <../mm/internal.h>

#include "../functions.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* What a migration entry tells of the entries whose place it took. */
struct told {
	bool young, soft_dirty, uffd;
};

/*
 * As remove_migration_pte() does it. The page was dirty or is marked so, as a
 * folio. vm_page_prot decides whether it may be written, and is what it is
 * now.
 */
static pte_t pte_of(struct vm_area_struct *vma, struct page *page,
		    const struct told *told)
{
	pte_t pte = mk_pte(page, READ_ONCE(vma->vm_page_prot));

	if (!told->young)
		pte = pte_mkold(pte);
	if (told->soft_dirty)
		pte = pte_mksoft_dirty(pte);
	else
		pte = pte_clear_soft_dirty(pte);
	if (told->uffd)
		pte = pte_mkuffd(pte);
	if (told->uffd && userfaultfd_rwp(vma))
		pte = pte_modify(pte, PAGE_NONE);
	return pte;
}

/*
 * Maps a page of a locked folio. The mapping is counted before the entry is
 * visible, or a zap would subtract what was not added yet. A poisoned page is
 * not mapped: memory_failure() waits for the lock of the folio, and unmaps only
 * what is mapped then.
 */
static bool map_page(struct vm_area_struct *vma, unsigned long addr, pte_t *pte,
		     unsigned long frame, const struct told *told)
{
	struct folio *folio;
	struct page *page;

	if (frame == SHMEM_COLLAPSE_FRAME_NONE)
		return false;
	page = pfn_to_page(frame);
	if (unlikely(PageHWPoison(page)))
		return false;
	folio = page_folio(page);
	folio_get(folio);
	folio_add_file_rmap_ptes(folio, page, 1, vma);
	set_pte_at(vma->vm_mm, addr, pte, pte_of(vma, page, told));
	/* Nothing to flush: it was not present before. */
	update_mmu_cache(vma, addr, pte);
	return true;
}

/* Rmap of a locked VMA leaves references in this CPU's batch. */
static void drain_mlocked(struct vm_area_struct *vma)
{
	if (READ_ONCE(vma->vm_flags) & VM_LOCKED)
		mlock_drain_local();
}

/*
 * Maps the pages of @frames in whose place one of @nr entries names a page of
 * @huge. Returns how many of these map nothing now.
 */
unsigned int shmem_collapse_ptes_back(struct vm_area_struct *vma,
				      unsigned long addr, pte_t *pte,
				      unsigned int nr, struct page *huge,
				      const unsigned long *frames)
{
	unsigned int lost = 0;

	for (; nr--; pte++, addr += PAGE_SIZE) {
		pte_t old = ptep_get(pte);
		struct told told;
		unsigned long at;
		softleaf_t leaf;

		if (pte_none(old) || pte_present(old))
			continue;
		leaf = softleaf_from_pte(old);
		if (!softleaf_is_migration(leaf))
			continue;
		at = softleaf_to_pfn(leaf) - page_to_pfn(huge);
		if (at >= HPAGE_PMD_NR)
			continue;
		told.young = softleaf_is_migration_young(leaf);
		told.soft_dirty = pte_swp_soft_dirty(old);
		told.uffd = pte_swp_uffd(old);
		if (map_page(vma, addr, pte, frames[at], &told))
			continue;
		pte_clear(vma->vm_mm, addr, pte);
		cond_install_uffd_wp_ptes(vma, addr, pte, old, 1);
		lost++;
	}
	drain_mlocked(vma);
	return lost;
}

/*
 * Puts @table, which was taken out of @pmd, back if a migration entry that
 * names @huge is still in its place. It then maps those of @frames for which
 * @mapped has a bit; @nr says how many these are. Under the pmd lock.
 */
bool shmem_collapse_pmd_back(struct vm_area_struct *vma, unsigned long addr,
			     pmd_t *pmd, pmd_t table, struct page *huge,
			     const unsigned long *frames, const u64 *mapped,
			     unsigned int *nr)
{
	struct shmem_collapse_entry e = shmem_collapse_pmd_read(pmd);
	struct mm_struct *mm = vma->vm_mm;
	pmd_t old = pmdp_get(pmd);
	struct told told;
	spinlock_t *lock;
	unsigned int i;
	pte_t *start;

	*nr = 0;
	if (e.kind != SHMEM_COLLAPSE_ENTRY_MIGRATION ||
	    e.pfn != page_to_pfn(huge))
		return false;
	start = pte_offset_map(&table, addr);
	if (WARN_ON_ONCE(!start))
		return false;
	told.young = softleaf_is_migration_young(softleaf_from_pmd(old));
	told.soft_dirty = pmd_swp_soft_dirty(old);
	told.uffd = pmd_swp_uffd(old);
	lock = pte_lockptr(mm, &table);
	/* Faults that have the table mapped since before look at its entries. */
	if (lock != pmd_lockptr(mm, pmd))
		spin_lock_nested(lock, SINGLE_DEPTH_NESTING);
	for (i = 0; i < HPAGE_PMD_NR; i++)
		if (mapped[i / 64] & BIT_ULL(i % 64))
			*nr += map_page(vma, addr + i * PAGE_SIZE, start + i,
					frames[i], &told);
	mm_inc_nr_ptes(mm);
	smp_wmb(); /* The entries are there before the table is. */
	pmd_populate(mm, pmd, pmd_pgtable(table));
	drain_mlocked(vma);
	if (lock != pmd_lockptr(mm, pmd))
		spin_unlock(lock);
	pte_unmap(start);
	return true;
}

void shmem_collapse_mm_grab(struct mm_struct *mm)
{
	mmgrab(mm);
}

void shmem_collapse_mm_drop(struct mm_struct *mm)
{
	mmdrop(mm);
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
