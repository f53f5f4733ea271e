// SPDX-License-Identifier: GPL-2.0
/* The new PMD-sized folio: allocation, charge, publication. */

#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "helpers.h"

static gfp_t huge_gfp(bool reclaim)
{
	return reclaim ? GFP_TRANSHUGE : GFP_TRANSHUGE_LIGHT;
}

struct folio *shmem_collapse_huge_alloc(bool reclaim, bool only_this_node,
					int nid)
{
	gfp_t gfp = huge_gfp(reclaim);

	if (only_this_node)
		gfp |= __GFP_THISNODE;
	return __folio_alloc(gfp, HPAGE_PMD_ORDER, nid, NULL);
}

int shmem_collapse_huge_charge(struct folio *huge, struct mem_cgroup *memcg,
			       bool reclaim)
{
	struct mem_cgroup *old;
	int err;

	/* A group that is not current's is honoured only without an mm. */
	old = set_active_memcg(memcg);
	err = mem_cgroup_charge(huge, NULL, huge_gfp(reclaim));
	set_active_memcg(old);
	return err;
}

void shmem_collapse_huge_prepare(struct folio *huge,
				 struct address_space *mapping,
				 unsigned long index)
{
	__folio_set_locked(huge);
	__folio_set_swapbacked(huge);
	huge->index = index;
	huge->mapping = mapping;
}

void shmem_collapse_huge_abandon(struct folio *huge)
{
	huge->mapping = NULL;
	folio_unlock(huge);
	folio_put(huge);
}

/* Under the xarray lock, just before the store. */
void shmem_collapse_huge_publish(struct folio *huge)
{
	lruvec_stat_mod_folio(huge, NR_SHMEM, HPAGE_PMD_NR);
	lruvec_stat_mod_folio(huge, NR_SHMEM_THPS, HPAGE_PMD_NR);
	lruvec_stat_mod_folio(huge, NR_FILE_PAGES, HPAGE_PMD_NR);
	folio_mark_uptodate(huge);
	folio_ref_add(huge, HPAGE_PMD_NR);
	folio_mark_dirty(huge);
	folio_add_lru(huge);
}

/* The folio at @index, referenced, or NULL. */
struct folio *shmem_collapse_huge_find(struct address_space *mapping,
				       unsigned long index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	return IS_ERR(folio) ? NULL : folio;
}

/* Whether the locked @folio is the PMD-sized one of the extent at @index. */
bool shmem_collapse_huge_at(struct folio *folio, struct address_space *mapping,
			    unsigned long index)
{
	return folio->mapping == mapping && folio->index == index &&
	       folio_order(folio) == HPAGE_PMD_ORDER &&
	       folio_test_uptodate(folio) && !folio_contain_hwpoisoned_page(folio);
}

/* Mappings by a pmd. */
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
