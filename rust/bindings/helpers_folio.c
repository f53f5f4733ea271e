// SPDX-License-Identifier: GPL-2.0
/*
 * Folio inlines for the source folios of an extent.
 *
 * One call does the same to a whole stretch of them: a page is much cheaper
 * than a call. Arrays of folios have NULL in the places of holes and of all
 * pages of a folio but its first.
 */

#include <linux/folio_batch.h>
#include <linux/highmem.h>
#include <linux/leafops.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/swapops.h>
#include <linux/vmstat.h>
#include <linux/xarray.h>

#include "charge.h"
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

/* References besides those that mappings have. */
static int unmapped_refs(struct folio *folio)
{
	return folio_ref_count(folio) - folio_mapcount(folio);
}

/*
 * Whether the folio is of one page, up to date, not poisoned, not being written
 * back, and locked as @locked says: one look at what is true of almost all.
 */
static bool is_sound_page(struct folio *folio, unsigned long locked)
{
	unsigned long flags = READ_ONCE(folio->flags.f);

	if ((flags & (BIT(PG_head) | BIT(PG_uptodate) | BIT(PG_locked) |
		      BIT(PG_writeback) | __PG_HWPOISON)) !=
	    (BIT(PG_uptodate) | locked))
		return false;
	/* As in folio_test_uptodate(): the data is read after the flag. */
	smp_rmb();
	return true;
}

bool shmem_collapse_folio_maybe_dma_pinned(struct folio *folio)
{
	/*
	 * A small folio counts pins as many references. Its mappings are
	 * references too, and a thousand processes may have it.
	 */
	if (!folio_test_large(folio))
		return unmapped_refs(folio) >= GUP_PIN_COUNTING_BIAS;
	return folio_maybe_dma_pinned(folio);
}

bool shmem_collapse_folio_writeback(struct folio *folio)
{
	return folio_test_writeback(folio);
}

bool shmem_collapse_folio_poisoned(struct folio *folio)
{
	return folio_contain_hwpoisoned_page(folio);
}

/* The caller holds a reference. */
void shmem_collapse_folio_look(struct folio *folio,
			       struct shmem_collapse_found *found)
{
	unsigned int flags = 0;

	found->folio = folio;
	found->index = folio->index;
	found->pfn = folio_pfn(folio);
	found->order = folio_order(folio);
	if (folio_test_uptodate(folio))
		flags |= SHMEM_COLLAPSE_FOUND_UPTODATE;
	if (folio_test_locked(folio) || folio_test_writeback(folio))
		flags |= SHMEM_COLLAPSE_FOUND_LOCKED;
	if (folio_contain_hwpoisoned_page(folio))
		flags |= SHMEM_COLLAPSE_FOUND_POISONED;
	/* Pins are references, too. */
	if (unlikely(unmapped_refs(folio) > 1 + (1 << found->order))) {
		flags |= SHMEM_COLLAPSE_FOUND_SURPLUS;
		if (shmem_collapse_folio_maybe_dma_pinned(folio))
			flags |= SHMEM_COLLAPSE_FOUND_PINNED;
	}
	found->flags = flags;
}

/* One page that can be used as it is, with no reference that nobody accounts for. */
static bool is_plain(struct folio *folio)
{
	return is_sound_page(folio, 0) && unmapped_refs(folio) <= 2;
}

/*
 * Goes on through the entries of the pages @index up to @index + @nr, under RCU.
 * Folios come with a reference, and were still there after it was taken. Plain
 * ones are noted in @folios and @frames, where these say that nothing is known.
 * Stops at the first entry that is not, which @out describes, and returns true;
 * false at the end.
 */
bool shmem_collapse_xas_find_folios(struct xa_state *xas, struct folio **folios,
				    unsigned long *frames, unsigned long index,
				    unsigned int nr,
				    struct shmem_collapse_found *out)
{
	unsigned long last = index + nr - 1;
	void *entry;

	while ((entry = xas_next_entry(xas, last))) {
		struct folio *folio = entry;
		unsigned long at;

		if (xas_retry(xas, entry))
			continue;
		if (xa_is_value(entry)) {
			out->folio = NULL;
			out->index = xas->xa_index;
			out->pfn = SHMEM_COLLAPSE_FRAME_NONE;
			out->order = xas_get_order(xas);
			out->flags = softleaf_is_poison_marker(radix_to_swp_entry(entry)) ?
				     SHMEM_COLLAPSE_FOUND_POISONED : 0;
			return true;
		}
		if (!folio_try_get(folio)) {
			xas_reset(xas);
			continue;
		}
		if (unlikely(entry != xas_reload(xas))) {
			folio_put(folio);
			xas_reset(xas);
			continue;
		}
		at = folio->index - index;
		if (unlikely(at >= nr || frames[at] != SHMEM_COLLAPSE_FRAME_NONE ||
			     !is_plain(folio))) {
			shmem_collapse_folio_look(folio, out);
			return true;
		}
		folios[at] = folio;
		frames[at] = folio_pfn(folio);
	}
	return false;
}

/*
 * Whether the folio that an entry of the page cache named a moment ago is locked,
 * written back or referenced by anybody but the page cache and mappings. Without a
 * reference it may be freed meanwhile, and part of another: nothing is asserted of
 * what is read.
 */
static enum shmem_collapse_use use_of(struct folio *folio, unsigned int order)
{
	unsigned long flags = READ_ONCE(folio->flags.f);
	int mappings;

	if (flags & (BIT(PG_locked) | BIT(PG_writeback)))
		return SHMEM_COLLAPSE_USE_LOCKED;
	mappings = atomic_read(flags & BIT(PG_head) ? &folio->_large_mapcount :
						      &folio->_mapcount) + 1;
	return atomic_read(&folio->_refcount) - mappings > 1 << order ?
	       SHMEM_COLLAPSE_USE_REFERENCED : SHMEM_COLLAPSE_USE_NONE;
}

/* Of @nr pages from @index on, the one in use that comes first says which use. */
enum shmem_collapse_use
shmem_collapse_pages_use(struct address_space *mapping, unsigned long index,
			 unsigned long nr)
{
	XA_STATE(xas, &mapping->i_pages, index);
	enum shmem_collapse_use use = SHMEM_COLLAPSE_USE_NONE;
	void *entry;

	rcu_read_lock();
	xas_for_each(&xas, entry, index + nr - 1) {
		if (xas_retry(&xas, entry) || xa_is_value(entry))
			continue;
		use = use_of(entry, xas_get_order(&xas));
		if (use != SHMEM_COLLAPSE_USE_NONE)
			break;
	}
	rcu_read_unlock();
	return use;
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

/*
 * The group that pays for a folio; the root, which pays for nothing, if there is
 * no other. get_mem_cgroup_from_folio() wants the folio's lock: memory_failure()
 * uncharges under it, and that function looks twice. Under RCU.
 */
static struct mem_cgroup *payer(struct folio *folio)
{
	struct mem_cgroup *memcg = folio_memcg_check(folio);

	return memcg ?: root_mem_cgroup;
}

/* The group that a folio is charged to, referenced. */
struct mem_cgroup *shmem_collapse_folio_memcg(struct folio *folio)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	do {
		memcg = payer(folio);
	} while (!mem_cgroup_tryget(memcg));
	rcu_read_unlock();
	return memcg;
}

/*
 * Tells the groups that pay for folios apart. memcg_data does not: a group has
 * one for each node, and inherits those of groups that are gone.
 */
unsigned int shmem_collapse_folio_payer(struct folio *folio)
{
	unsigned int id = 0;

#ifdef CONFIG_MEMCG
	if (mem_cgroup_disabled())
		return 0;
	rcu_read_lock();
	id = payer(folio)->css.id;
	rcu_read_unlock();
#endif
	return id;
}

/*
 * Makes a locked folio that was allocated, but never written, usable, as shmem
 * does it when a page of it is touched, and unlocks it. The caller gets another
 * reference. -ESTALE if it is no longer in @mapping.
 */
int shmem_collapse_folio_instantiate(struct folio *folio,
				     struct address_space *mapping)
{
	long i, nr = folio_nr_pages(folio);
	int err = 0;

	if (folio->mapping != mapping) {
		err = -ESTALE;
	} else if (folio_contain_hwpoisoned_page(folio)) {
		err = -EHWPOISON;
	} else if (!folio_test_uptodate(folio)) {
		for (i = 0; i < nr; i++)
			clear_highpage(folio_page(folio, i));
		flush_dcache_folio(folio);
		folio_mark_uptodate(folio);
	}
	if (!err)
		folio_get(folio);
	folio_unlock(folio);
	return err;
}

/* Pages from page @at of @to on; holes become zeroes. */
int shmem_collapse_copy_pages(struct folio *to, unsigned long at,
			      const unsigned long *frames, unsigned int nr)
{
	for (; nr--; at++, frames++) {
		struct page *page = folio_page(to, at);

		if (*frames == SHMEM_COLLAPSE_FRAME_NONE)
			clear_highpage(page);
		else if (copy_mc_highpage(page, pfn_to_page(*frames)))
			return -EHWPOISON;
	}
	return 0;
}

/* The place of the first that is locked already, else @nr. */
unsigned int shmem_collapse_folios_trylock(struct folio **folios, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (folios[i] && !folio_trylock(folios[i]))
			break;
	return i;
}

/*
 * The place of the first that is no longer what a look at it showed, or that
 * has to be written back first, or is poisoned; else @nr. All are locked.
 */
unsigned int shmem_collapse_folios_unchanged(struct folio **folios,
					     const u8 *orders, unsigned int nr,
					     struct address_space *mapping,
					     unsigned long index)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = folios[i];

		if (!folio)
			continue;
		if (folio->mapping != mapping || folio->index != index + i)
			break;
		if (likely(!orders[i] && is_sound_page(folio, BIT(PG_locked))))
			continue;
		if (folio_order(folio) != orders[i] ||
		    !folio_test_uptodate(folio) || folio_test_writeback(folio) ||
		    folio_contain_hwpoisoned_page(folio))
			break;
	}
	return i;
}

/*
 * The place of the first that has references beyond one of the caller's, those
 * of the page cache and, if @mapped, one for each mapping; else @nr.
 */
unsigned int shmem_collapse_folios_accounted(struct folio **folios,
					     unsigned int nr, bool mapped)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = folios[i];
		int refs;

		if (!folio)
			continue;
		refs = mapped ? unmapped_refs(folio) : folio_ref_count(folio);
		if (refs != 1 + folio_nr_pages(folio))
			break;
	}
	return i;
}

/*
 * How many places there are until the first folio for which other lruvec
 * statistics count than for the first one; else @nr.
 */
unsigned int shmem_collapse_folios_same_home(struct folio **folios,
					     unsigned int nr)
{
	struct folio *first = NULL;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = folios[i];

		if (!folio)
			continue;
		if (!first)
			first = folio;
		else if (folio_nid(folio) != folio_nid(first) ||
			 shmem_collapse_folio_charge(folio) !=
				 shmem_collapse_folio_charge(first))
			break;
	}
	return i;
}

bool shmem_collapse_folios_poisoned(struct folio **folios, unsigned int nr)
{
	for (; nr--; folios++)
		if (*folios && folio_contain_hwpoisoned_page(*folios))
			return true;
	return false;
}

/*
 * Drops as many mappings of each folio, all of them small and locked, as
 * @mappings has in its place and @more; returns of how many none is left.
 */
unsigned int shmem_collapse_folios_drop_mappings(struct folio **folios,
						 const u32 *mappings,
						 unsigned int nr, u32 more)
{
	unsigned int unmapped = 0;

	for (; nr--; folios++, mappings++) {
		int dropped = *mappings + more;

		if (!*folios || !dropped)
			continue;
		/*
		 * When these are all there were nobody is left who could change
		 * the count: new mappings need the lock, or one to be copied.
		 * (vm_insert_page() needs neither, but inserts a driver's pages.)
		 */
		if (atomic_read(&(*folios)->_mapcount) == dropped - 1) {
			atomic_set(&(*folios)->_mapcount, -1);
			unmapped++;
		} else if (atomic_sub_return(dropped, &(*folios)->_mapcount) == -1) {
			unmapped++;
		}
		folio_ref_sub(*folios, dropped);
	}
	return unmapped;
}

/*
 * Freezes the references of each at one of the caller's and those of the page
 * cache. The place of the first that has another number, else @nr.
 */
unsigned int shmem_collapse_folios_freeze(struct folio **folios, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (folios[i] &&
		    !folio_ref_freeze(folios[i], 1 + folio_nr_pages(folios[i])))
			break;
	return i;
}

void shmem_collapse_folios_unfreeze(struct folio **folios, unsigned int nr)
{
	for (; nr--; folios++)
		if (*folios)
			folio_ref_unfreeze(*folios, 1 + folio_nr_pages(*folios));
}
