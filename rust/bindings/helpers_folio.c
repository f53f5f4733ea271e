// SPDX-License-Identifier: GPL-2.0
/* Inlines about folios. */

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rmap.h>
#include <linux/vmstat.h>

#include "helpers.h"

void shmem_collapse_folio_put(struct folio *folio)
{
	folio_put(folio);
}

unsigned long shmem_collapse_folio_pfn(struct folio *folio)
{
	return folio_pfn(folio);
}

int shmem_collapse_folio_mapcount(struct folio *folio)
{
	return folio_mapcount(folio);
}

int shmem_collapse_folio_nid(struct folio *folio)
{
	return folio_nid(folio);
}

bool shmem_collapse_folio_writeback(struct folio *folio)
{
	return folio_test_writeback(folio);
}

bool shmem_collapse_folio_poisoned(struct folio *folio)
{
	return folio_contain_hwpoisoned_page(folio);
}

void shmem_collapse_folio_ref_unfreeze(struct folio *folio, int count)
{
	folio_ref_unfreeze(folio, count);
}

/* Drops @nr mappings, of successive pages from @at on, at once. */
void shmem_collapse_folio_remove_rmap(struct folio *folio, unsigned long at,
				      int nr, struct vm_area_struct *vma)
{
	folio_remove_rmap_ptes(folio, folio_page(folio, at), nr, vma);
	folio_put_refs(folio, nr);
}

void shmem_collapse_folio_stat_mapped(struct folio *folio, int pages)
{
	lruvec_stat_mod_folio(folio, NR_FILE_MAPPED, pages);
}

void shmem_collapse_folio_stat_cached(struct folio *folio, int pages)
{
	lruvec_stat_mod_folio(folio, NR_FILE_PAGES, pages);
	lruvec_stat_mod_folio(folio, NR_SHMEM, pages);
}
