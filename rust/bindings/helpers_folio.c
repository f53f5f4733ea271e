// SPDX-License-Identifier: GPL-2.0
/* Folio inlines for the source folios of an extent. */

#include <linux/folio_batch.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/vmstat.h>

#include "helpers.h"

void shmem_collapse_folio_put(struct folio *folio)
{
	folio_put(folio);
}

bool shmem_collapse_folio_trylock(struct folio *folio)
{
	return folio_trylock(folio);
}

void shmem_collapse_folio_lock(struct folio *folio)
{
	folio_lock(folio);
}

unsigned long shmem_collapse_folio_pfn(struct folio *folio)
{
	return folio_pfn(folio);
}

int shmem_collapse_folio_nid(struct folio *folio)
{
	return folio_nid(folio);
}

bool shmem_collapse_folio_maybe_dma_pinned(struct folio *folio)
{
	/*
	 * A small folio counts pins as many references. Its mappings are
	 * references too, and a thousand processes may have it.
	 */
	if (!folio_test_large(folio))
		return folio_ref_count(folio) - folio_mapcount(folio) >=
		       GUP_PIN_COUNTING_BIAS;
	return folio_maybe_dma_pinned(folio);
}

bool shmem_collapse_folio_poisoned(struct folio *folio)
{
	return folio_contain_hwpoisoned_page(folio);
}

bool shmem_collapse_folio_in_mapping(struct folio *folio,
				     struct address_space *mapping)
{
	return folio->mapping == mapping;
}

/* The caller holds a reference. */
void shmem_collapse_folio_look(struct folio *folio,
			       struct shmem_collapse_folio_facts *facts)
{
	facts->index = folio->index;
	facts->pfn = folio_pfn(folio);
	facts->order = folio_order(folio);
	facts->uptodate = folio_test_uptodate(folio);
	facts->writeback = folio_test_writeback(folio);
	facts->locked = folio_test_locked(folio);
	facts->poisoned = folio_contain_hwpoisoned_page(folio);
	facts->pinned = shmem_collapse_folio_maybe_dma_pinned(folio);
}

/*
 * References beyond one of the caller's, those of the page cache and, if
 * @mapped, one for each mapping.
 */
int shmem_collapse_folio_surplus(struct folio *folio, bool mapped)
{
	return folio_ref_count(folio) - 1 - (int)folio_nr_pages(folio) -
	       (mapped ? folio_mapcount(folio) : 0);
}

bool shmem_collapse_folio_ref_freeze(struct folio *folio, int count)
{
	return folio_ref_freeze(folio, count);
}

void shmem_collapse_folio_ref_unfreeze(struct folio *folio, int count)
{
	folio_ref_unfreeze(folio, count);
}

/* Drops @nr mappings of a small folio at once; true when none is left. */
bool shmem_collapse_folio_drop_mappings(struct folio *folio, int nr)
{
	bool unmapped = atomic_sub_return(nr, &folio->_mapcount) == -1;

	folio_ref_sub(folio, nr);
	return unmapped;
}

void shmem_collapse_folio_remove_rmap(struct folio *folio, unsigned long nr,
				      struct vm_area_struct *vma)
{
	folio_remove_rmap_ptes(folio, folio_page(folio, nr), 1, vma);
	folio_put(folio);
}

/* Whether one lruvec statistics call may count for both. */
bool shmem_collapse_folio_same_stat_home(struct folio *a, struct folio *b)
{
	return folio_pgdat(a) == folio_pgdat(b) &&
	       READ_ONCE(a->memcg_data) == READ_ONCE(b->memcg_data);
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

/* Ends a replaced folio's life in the page cache, under its lock. */
void shmem_collapse_folio_detach(struct folio *folio)
{
	folio->mapping = NULL;
}

struct mem_cgroup *shmem_collapse_folio_memcg(struct folio *folio)
{
	return get_mem_cgroup_from_folio(folio);
}

int shmem_collapse_copy_page(struct folio *to, unsigned long at,
			     struct folio *from, unsigned long nr)
{
	return copy_mc_highpage(folio_page(to, at), folio_page(from, nr));
}

void shmem_collapse_clear_page(struct folio *to, unsigned long at)
{
	clear_highpage(folio_page(to, at));
}

/* Returns the room left, as folio_batch_add() does. */
unsigned int shmem_collapse_folio_batch_add(struct folio_batch *batch,
					    struct folio *folio)
{
	return folio_batch_add(batch, folio);
}

void shmem_collapse_folio_batch_put(struct folio_batch *batch)
{
	if (folio_batch_count(batch))
		folios_put(batch);
}
