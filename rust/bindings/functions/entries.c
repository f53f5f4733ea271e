// SPDX-License-Identifier: GPL-2.0
/*
 * Decodes entries of page tables.
 *
 * Why this is C: their format belongs to the architecture, and what tells their
 * bits apart are inline functions and macros. One call decodes an entry, or a
 * stretch of them, in the place of up to eight calls of wrappers for each.
 */

#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <../mm/internal.h>

#include "../functions.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static u32 softleaf_kind(softleaf_t leaf)
{
	if (softleaf_is_migration(leaf))
		return SHMEM_COLLAPSE_ENTRY_MIGRATION;
	if (softleaf_is_swap(leaf))
		return SHMEM_COLLAPSE_ENTRY_SWAP;
	if (softleaf_is_marker(leaf))
		return SHMEM_COLLAPSE_ENTRY_MARKER;
	return SHMEM_COLLAPSE_ENTRY_OTHER;
}

static struct shmem_collapse_entry pmd_decode(pmd_t pmd)
{
	struct shmem_collapse_entry e = { };

	if (pmd_none(pmd))
		return e;
	if (!pmd_present(pmd)) {
		softleaf_t leaf = softleaf_from_pmd(pmd);

		e.kind = softleaf_kind(leaf);
		if (softleaf_has_pfn(leaf))
			e.pfn = softleaf_to_pfn(leaf);
	} else if (pmd_trans_huge(pmd)) {
		e.kind = pmd_special(pmd) ? SHMEM_COLLAPSE_ENTRY_SPECIAL :
					    SHMEM_COLLAPSE_ENTRY_PAGE;
		e.pfn = pmd_pfn(pmd);
	} else if (pmd_bad(pmd)) {
		e.kind = SHMEM_COLLAPSE_ENTRY_BAD;
	} else {
		e.kind = SHMEM_COLLAPSE_ENTRY_TABLE;
	}
	return e;
}

struct shmem_collapse_entry shmem_collapse_pmd_read_lockless(pmd_t *pmd)
{
	return pmd_decode(pmdp_get_lockless(pmd));
}

struct shmem_collapse_entry shmem_collapse_pmd_read(pmd_t *pmd)
{
	return pmd_decode(pmdp_get(pmd));
}

static __always_inline struct shmem_collapse_entry pte_decode(pte_t pte)
{
	struct shmem_collapse_entry e = { };

	if (pte_none(pte))
		return e;
	if (!pte_present(pte)) {
		softleaf_t leaf = softleaf_from_pte(pte);

		e.kind = softleaf_kind(leaf);
		if (softleaf_has_pfn(leaf))
			e.pfn = softleaf_to_pfn(leaf);
		return e;
	}
	e.kind = pte_special(pte) ? SHMEM_COLLAPSE_ENTRY_SPECIAL :
				    SHMEM_COLLAPSE_ENTRY_PAGE;
	e.pfn = pte_pfn(pte);
	e.flags = (pte_young(pte) ? SHMEM_COLLAPSE_ENTRY_YOUNG : 0) |
		  (pte_dirty(pte) ? SHMEM_COLLAPSE_ENTRY_DIRTY : 0) |
		  (pte_soft_dirty(pte) ? SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY : 0) |
		  (pte_write(pte) ? SHMEM_COLLAPSE_ENTRY_WRITE : 0) |
		  (pte_leaf_size(pte) > PAGE_SIZE ? SHMEM_COLLAPSE_ENTRY_RUN : 0);
	return e;
}

struct shmem_collapse_entry shmem_collapse_pte_decode(pte_t pte)
{
	return pte_decode(pte);
}

/*
 * The table may be unlocked. Where several entries make one (contpte), reading
 * one means reading them all, and they may be taken apart meanwhile.
 */
void shmem_collapse_pte_read_batch(pte_t *pte, struct shmem_collapse_entry *out,
				   unsigned int nr)
{
	while (nr--)
		*out++ = pte_decode(ptep_get_lockless(pte++));
}

/* For an entry that maps an ordinary page, which is taken off the RSS. */
struct shmem_collapse_entry shmem_collapse_pte_clear(struct vm_area_struct *vma,
						     unsigned long addr,
						     pte_t *pte)
{
	struct folio *folio = page_folio(pfn_to_page(pte_pfn(ptep_get(pte))));
	pte_t old;

	/* The high-water mark follows only when the counter is about to fall. */
	update_hiwater_rss(vma->vm_mm);
	dec_mm_counter(vma->vm_mm, mm_counter(folio));
	old = ptep_get_and_clear(vma->vm_mm, addr, pte);
	cond_install_uffd_wp_ptes(vma, addr, pte, old, 1);
	return pte_decode(old);
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
