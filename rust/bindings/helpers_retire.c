// SPDX-License-Identifier: GPL-2.0
/*
 * The end of folios that the page cache no longer has.
 *
 * With a folio's last reference the kernel takes it off its LRU list and counts
 * that in the node, the zone, the memory cgroup and the generation; and it frees
 * the page to a list of its CPU, which overflows. The small folios of an extent
 * are nearly always next to each other in all of these, and in memory. So they
 * are taken off first, with one count for those that follow each other on one
 * list, and freed as blocks.
 */

#include <linux/folio_batch.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pagemap.h>

#include "charge.h"
#include "helpers.h"

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

/* What cannot be evicted is on no list, though counted: left to the kernel. */
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
static void folios_off_lru(struct folio **folios, unsigned int nr)
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

/* From here on whoever passes by may have a reference for a moment. */
static void folios_let_go(struct folio **folios, unsigned int nr)
{
	for (; nr--; folios++) {
		if (!*folios)
			continue;
		(*folios)->mapping = NULL;
		folio_ref_unfreeze(*folios, 1);
		folio_unlock(*folios);
	}
}

/*
 * The end of those that need more than this file knows: large ones, and what is
 * still on an LRU list. Their places are empty afterwards.
 */
static void folios_end_others(struct folio **folios, unsigned int nr)
{
	struct folio_batch others;

	folio_batch_init(&others);
	for (; nr--; folios++) {
		struct folio *folio = *folios;

		if (!folio || (!folio_test_large(folio) && !folio_test_lru(folio)))
			continue;
		folios_let_go(folios, 1);
		*folios = NULL;
		if (!folio_batch_add(&others, folio))
			folios_put(&others);
	}
	if (folio_batch_count(&others))
		folios_put(&others);
}

/* Gives back what pages are charged, while nobody else can have them. */
static void pages_uncharge(struct folio **folios, unsigned int nr)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
	for (; nr--; folios++)
		if (*folios && !folio_batch_add(&batch, *folios)) {
			mem_cgroup_uncharge_folios(&batch);
			folio_batch_reinit(&batch);
		}
	if (folio_batch_count(&batch))
		mem_cgroup_uncharge_folios(&batch);
}

static bool follows(struct folio *folio, struct folio *before)
{
	return &folio->page == &before->page + 1;
}

/*
 * Pages that follow each other in memory, from the first place on; upwards or, as
 * a list of a CPU gives out what was freed to it, downwards. Upwards they are
 * afterwards.
 */
static unsigned int pages_in_a_row(struct folio **folios, unsigned int nr)
{
	unsigned int row, i;
	bool up;

	if (nr < 2 || !folios[0] || !folios[1])
		return 1;
	up = follows(folios[1], folios[0]);
	for (row = 1; row < nr && folios[row]; row++)
		if (up ? !follows(folios[row], folios[row - 1]) :
			 !follows(folios[row - 1], folios[row]))
			break;
	for (i = 0; !up && i < row / 2; i++)
		swap(folios[i], folios[row - 1 - i]);
	return row;
}

/* From so many pages on freeing them as blocks is quicker than one by one. */
#define BLOCKS_PAY	4

static void pages_put(struct folio **folios, unsigned int nr,
		      struct folio_batch *batch)
{
	for (; nr--; folios++)
		if (*folios && !folio_batch_add(batch, *folios))
			folios_put(batch);
}

/* Drops the references of all. May reschedule. */
static void pages_free(struct folio **folios, unsigned int nr)
{
	struct folio_batch batch;
	unsigned int row;

	folio_batch_init(&batch);
	for (; nr; nr -= row, folios += row) {
		row = pages_in_a_row(folios, nr);
		if (row >= BLOCKS_PAY)
			/* A folio of one page begins with that page. */
			free_pages_bulk((struct page **)folios, row);
		else
			pages_put(folios, row, &batch);
	}
	if (folio_batch_count(&batch))
		folios_put(&batch);
}

/* As many as a folio batch takes. */
#define AT_A_TIME	31u

/*
 * Ends the life of folios that the page cache no longer has, under their locks,
 * with their references frozen. What kind each of them is gets decided before
 * that ends. May reschedule.
 */
void shmem_collapse_folios_end(struct folio **folios, unsigned int nr)
{
	unsigned int at, here;

	for (at = 0; at < nr; at += here) {
		here = min(nr - at, AT_A_TIME);
		folios_off_lru(folios + at, here);
		folios_end_others(folios + at, here);
		pages_uncharge(folios + at, here);
		folios_let_go(folios + at, here);
		cond_resched();
	}
	pages_free(folios, nr);
}
