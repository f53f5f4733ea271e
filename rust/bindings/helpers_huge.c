// SPDX-License-Identifier: GPL-2.0
/* Inlines about the huge folio and its memory cgroup. */

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "helpers.h"

/* Returns the folio at @index with a reference, or NULL. */
struct folio *shmem_collapse_huge_find(struct address_space *mapping,
				       unsigned long index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	return IS_ERR(folio) ? NULL : folio;
}

/*
 * Returns whether the locked @folio is the PMD-sized one of the extent at
 * @index.
 */
bool shmem_collapse_huge_at(struct folio *folio, struct address_space *mapping,
			    unsigned long index)
{
	return folio->mapping == mapping && folio->index == index &&
	       folio_order(folio) == HPAGE_PMD_ORDER &&
	       folio_test_uptodate(folio) && !folio_contain_hwpoisoned_page(folio);
}

/* Returns the number of mappings by a pmd. */
int shmem_collapse_huge_mapcount(struct folio *huge)
{
	return folio_entire_mapcount(huge);
}

struct page *shmem_collapse_huge_head(struct folio *huge)
{
	return folio_page(huge, 0);
}

bool shmem_collapse_zone_allowed(struct folio *huge,
				 struct address_space *mapping)
{
	return folio_zonenum(huge) <= gfp_zone(mapping_gfp_mask(mapping));
}

struct mem_cgroup *shmem_collapse_current_memcg(void)
{
	return get_mem_cgroup_from_mm(current->mm);
}

void shmem_collapse_mem_cgroup_put(struct mem_cgroup *memcg)
{
	mem_cgroup_put(memcg);
}

unsigned long shmem_collapse_hpage_pmd_nr(void)
{
	return HPAGE_PMD_NR;
}

bool shmem_collapse_huge_pages_supported(void)
{
	return has_transparent_hugepage() &&
	       HPAGE_PMD_ORDER <= MAX_PAGECACHE_ORDER;
}
