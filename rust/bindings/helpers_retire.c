// SPDX-License-Identifier: GPL-2.0
/*
 * The end of folios that the page cache no longer has.
 *
 * The kernel takes a folio off its LRU list when the last reference goes, and
 * counts each of them: in the node, the zone, the memory cgroup and, with
 * generations, in one more place. That is more than all else that freeing a
 * page takes, and the small folios of an extent are nearly always next to each
 * other in all of these. Here they are taken off first, with one count for all
 * that follow each other on one list.
 */

#include "compat.h"

#include <linux/folio_batch.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pagemap.h>

#include "helpers.h"

#ifndef CONFIG_LRU_GEN
#define LRU_GEN_MASK	0ul
#endif

/* Which of an lruvec's lists a folio is on, as far as its flags tell. */
#define LRU_LIST_BITS	(LRU_GEN_MASK | BIT(PG_active))

/* Pages taken off one list and still in its counts. */
struct lru_run {
	unsigned long memcg_data;
	int place;		/* page_zone_id() */
	enum zone_type zone;
	unsigned long list;	/* LRU_LIST_BITS */
	long pages;
};

/* As lruvec_del_folio() for one folio. Under the lruvec's lock. */
static void lru_settle(struct lruvec *lruvec, struct lru_run *run)
{
	enum lru_list list = LRU_INACTIVE_ANON;
	long pages = run->pages;
#ifdef CONFIG_LRU_GEN
	int gen = ((run->list & LRU_GEN_MASK) >> LRU_GEN_PGOFF) - 1;
#endif

	run->pages = 0;
	if (!pages)
		return;
#ifdef CONFIG_LRU_GEN
	if (gen >= 0) {
		long *count = &lruvec->lrugen.nr_pages[gen][LRU_GEN_ANON][run->zone];

		WRITE_ONCE(*count, *count - pages);
		if (lru_gen_is_active(lruvec, gen))
			list += LRU_ACTIVE;
		__update_lru_size(lruvec, list, run->zone, -pages);
		return;
	}
#endif
	if (run->list & BIT(PG_active))
		list += LRU_ACTIVE;
	update_lru_size(lruvec, list, run->zone, -pages);
}

/*
 * Takes folios off their LRU lists. Their references are frozen, so that nobody
 * isolates them; but ageing moves them from list to list, under the lruvec's
 * lock.
 */
static void folios_off_lru(struct folio **folios, unsigned int nr)
{
	struct lruvec *lruvec = NULL;
	struct lru_run run = {};
	unsigned long irq_flags;

	for (; nr--; folios++) {
		struct folio *folio = *folios;
		unsigned long list;
		int place;

		/* What cannot be evicted is on no list: left to the kernel. */
		if (!folio || (READ_ONCE(folio->flags.f) &
			       (BIT(PG_lru) | BIT(PG_unevictable) | BIT(PG_swapbacked))) !=
			      (BIT(PG_lru) | BIT(PG_swapbacked)))
			continue;
		place = page_zone_id(&folio->page);
		/* Those of one group in one zone are of one lruvec. */
		if (!lruvec || folio->memcg_data != run.memcg_data ||
		    place != run.place) {
			if (lruvec)
				lru_settle(lruvec, &run);
			folio_lruvec_relock_irqsave(folio, &lruvec, &irq_flags);
			run.memcg_data = folio->memcg_data;
			run.place = place;
			run.zone = folio_zonenum(folio);
		}
		list_del(&folio->lru);
		list = set_mask_bits(&folio->flags.f,
				     LRU_LIST_BITS | BIT(PG_lru), 0) & LRU_LIST_BITS;
		if (list != run.list) {
			lru_settle(lruvec, &run);
			run.list = list;
		}
		run.pages += folio_nr_pages(folio);
	}
	if (lruvec) {
		lru_settle(lruvec, &run);
		lruvec_unlock_irqrestore(lruvec, irq_flags);
	}
}

/*
 * Ends the life of folios that the page cache no longer has, under their locks,
 * with their references frozen.
 */
void shmem_collapse_folios_end(struct folio **folios, unsigned int nr)
{
	struct folio_batch batch;

	folios_off_lru(folios, nr);
	folio_batch_init(&batch);
	for (; nr--; folios++) {
		struct folio *folio = *folios;

		if (!folio)
			continue;
		folio->mapping = NULL;
		folio_ref_unfreeze(folio, 1);
		folio_unlock(folio);
		if (!folio_batch_add(&batch, folio))
			folios_put(&batch);
	}
	if (folio_batch_count(&batch))
		folios_put(&batch);
}
