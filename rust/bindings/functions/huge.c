// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates, charges and publishes the huge folio of an extent.
 *
 * Why this is C: node masks, flags of a folio and statistics are macros and
 * inline functions, and each function here does about ten of them in a row, as
 * mm/khugepaged.c does.
 */

#include <linux/cpuset.h>
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/mm.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "../functions.h"

static gfp_t huge_gfp(bool reclaim)
{
	return reclaim ? GFP_TRANSHUGE : GFP_TRANSHUGE_LIGHT;
}

/* As alloc_charge_folio() of mm/khugepaged.c counts. */
static void count_alloc(bool allocated)
{
	count_vm_event(allocated ? THP_COLLAPSE_ALLOC : THP_COLLAPSE_ALLOC_FAILED);
	count_mthp_stat(HPAGE_PMD_ORDER, allocated ? MTHP_STAT_COLLAPSE_ALLOC :
						     MTHP_STAT_COLLAPSE_ALLOC_FAILED);
}

/*
 * Returns a folio on one of @nodes, as far as the cpuset of current allows them,
 * or NULL.
 *
 * If mask and cpuset have no node in common, the allocator ignores the mask and
 * not the cpuset. That is tested before; if the cpuset changes meanwhile, the
 * node of the folio tells.
 */
struct folio *shmem_collapse_huge_alloc(bool reclaim, const nodemask_t *nodes)
{
	struct folio *huge = NULL;
	nodemask_t mask;

	if (nodes_and(mask, *nodes, cpuset_current_mems_allowed))
		huge = __folio_alloc(huge_gfp(reclaim), HPAGE_PMD_ORDER,
				     first_node(mask), &mask);
	if (huge && unlikely(!node_isset(folio_nid(huge), *nodes))) {
		folio_put(huge);
		huge = NULL;
	}
	count_alloc(huge);
	return huge;
}

int shmem_collapse_huge_charge(struct folio *huge, struct mem_cgroup *memcg,
			       bool reclaim)
{
	struct mem_cgroup *old;
	int err;

	/* The active group is used only without an mm. */
	old = set_active_memcg(memcg);
	err = mem_cgroup_charge(huge, NULL, huge_gfp(reclaim));
	set_active_memcg(old);
	if (!err)
		count_memcg_folio_events(huge, THP_COLLAPSE_ALLOC, 1);
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

/* Tests each page: a folio outside of the page cache is not marked as a whole. */
bool shmem_collapse_huge_poisoned(struct folio *huge)
{
	unsigned int i;

	for (i = 0; i < HPAGE_PMD_NR; i++)
		if (unlikely(PageHWPoison(folio_page(huge, i))))
			return true;
	return false;
}
