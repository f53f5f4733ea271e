// SPDX-License-Identifier: GPL-2.0
/*
 * Puts migration entries in the place of ptes, and clears them again.
 *
 * Why this is C: an entry is made of up to six steps that are inline functions,
 * and so is each test of one. Tables that stay have up to 512 such entries. In
 * the kernel these are parts of mm/rmap.c and mm/migrate.c.
 */

#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>
#include <../mm/internal.h>

#include "../functions.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/*
 * Returns whether @vma maps the file of the locked folio that begins with
 * @huge; if so, how many pages behind that page of the file the one is that it
 * has at @addr.
 */
bool shmem_collapse_vma_index_in(struct vm_area_struct *vma, unsigned long addr,
				 struct page *huge, unsigned long *index)
{
	struct folio *folio = page_folio(huge);

	if (!vma->vm_file || vma->vm_file->f_mapping != folio->mapping)
		return false;
	*index = linear_page_index(vma, addr) - folio->index;
	return true;
}

/*
 * For reading, whatever @old allowed: vm_page_prot gives write permission
 * back, except where a write has to be noticed. An entry for writing would do
 * so there as well after clear_refs or PAGEMAP_SCAN has changed it.
 */
static pte_t migration_pte(pte_t old, unsigned long pfn)
{
	swp_entry_t entry = make_readable_migration_entry(pfn);
	pte_t pte;

	BUILD_BUG_ON(!IS_ENABLED(CONFIG_MIGRATION));
	if (pte_young(old))
		entry = make_migration_entry_young(entry);
	if (pte_dirty(old))
		entry = make_migration_entry_dirty(entry);
	pte = softleaf_to_pte(entry);
	if (pte_soft_dirty(old))
		pte = pte_swp_mksoft_dirty(pte);
	if (pte_uffd(old))
		pte = pte_swp_mkuffd(pte);
	return pte;
}

/*
 * Returns whether @page is the one of its file that page @at of @huge is to
 * replace.
 */
static bool is_replaced_by(struct page *page, struct page *huge, unsigned long at)
{
	struct folio *old = page_folio(page), *new = page_folio(huge);

	return READ_ONCE(old->mapping) == new->mapping &&
	       old->index + folio_page_idx(old, page) == new->index + at;
}

/*
 * Replaces an entry that maps an ordinary page; false if that is not the page
 * of the file, but a private copy: it stays as it is then.
 *
 * No flush in between: a fault that reads the entry as none meanwhile would
 * sleep with a reference on the page.
 */
bool shmem_collapse_pte_replace(struct vm_area_struct *vma, unsigned long addr,
				pte_t *pte, struct page *huge, unsigned long at)
{
	pte_t old;

	if (!is_replaced_by(pfn_to_page(pte_pfn(ptep_get(pte))), huge, at))
		return false;
	old = ptep_get_and_clear(vma->vm_mm, addr, pte);
	set_pte_at(vma->vm_mm, addr, pte,
		   migration_pte(old, page_to_pfn(huge) + at));
	return true;
}

/*
 * Clears those of @nr entries that name a page of @huge, and returns how many
 * there were. Markers of userfaultfd take their places where they have to.
 */
unsigned int shmem_collapse_pte_clear_migrations(struct vm_area_struct *vma,
						 unsigned long addr, pte_t *pte,
						 unsigned int nr,
						 struct page *huge,
						 bool spare_soft_dirty)
{
	bool spare = spare_soft_dirty && vma_soft_dirty_enabled(vma);
	unsigned int cleared = 0;

	for (; nr--; pte++, addr += PAGE_SIZE) {
		pte_t old = ptep_get(pte);
		softleaf_t leaf;

		if (pte_none(old) || pte_present(old))
			continue;
		leaf = softleaf_from_pte(old);
		if (!softleaf_is_migration(leaf) ||
		    softleaf_to_pfn(leaf) - page_to_pfn(huge) >= HPAGE_PMD_NR)
			continue;
		if (spare && pte_swp_soft_dirty(old))
			continue;
		pte_clear(vma->vm_mm, addr, pte);
		cond_install_uffd_wp_ptes(vma, addr, pte, old, 1);
		cleared++;
	}
	return cleared;
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
