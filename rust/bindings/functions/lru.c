// SPDX-License-Identifier: GPL-2.0
/*
 * Takes folios off their LRU lists, with one count for those that follow each
 * other on one list.
 *
 * Why this is C: with a folio's last reference the kernel does the same for
 * each folio on its own. To do it for a batch means to know what mm/folio.c and
 * mm/vmscan.c know of lists and generations, under the lock of the lruvec,
 * with interrupts off, by inline functions of mm_inline.h. It belongs in
 * mm/folio.c.
 */

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>

#include "../charge.h"
#include "../functions.h"

/* Which of an lruvec's lists a folio is on, as far as its flags tell. */
#define LRU_LIST_BITS	(LRU_GEN_MASK | BIT(PG_active))

/* Pages taken off one list and still in its counts. */
struct lru_run {
	unsigned long charge;
	int place;		/* page_zone_id() */
	enum zone_type zone;
	unsigned long list;	/* LRU_LIST_BITS */
	long pages;
};

/* Does for a run what lruvec_del_folio() does for a folio, under its lock. */
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

/* Unevictable folios are counted but on no list: left to the kernel. */
static bool is_listed(struct folio *folio)
{
	return (READ_ONCE(folio->flags.f) &
		(BIT(PG_lru) | BIT(PG_unevictable) | BIT(PG_swapbacked))) ==
	       (BIT(PG_lru) | BIT(PG_swapbacked));
}

/*
 * Takes folios off their LRU lists. Their references are frozen, so that nobody
 * isolates them; but ageing moves them from list to list, under the lruvec's
 * lock.
 */
void shmem_collapse_folios_off_lru(struct folio **folios, unsigned int nr)
{
	struct lruvec *lruvec = NULL;
	struct lru_run run = {};
	unsigned long irq_flags;

	for (; nr--; folios++) {
		struct folio *folio = *folios;
		unsigned long charge, list;
		int place;

		if (!folio || !is_listed(folio))
			continue;
		charge = shmem_collapse_folio_charge(folio);
		place = page_zone_id(&folio->page);
		/* Those of one group in one zone are of one lruvec. */
		if (!lruvec || charge != run.charge || place != run.place) {
			if (lruvec)
				lru_settle(lruvec, &run);
			folio_lruvec_relock_irqsave(folio, &lruvec, &irq_flags);
			run.charge = charge;
			run.place = place;
			run.zone = folio_zonenum(folio);
			/* Under the lock it stays as it is now. */
			if (!is_listed(folio))
				continue;
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
