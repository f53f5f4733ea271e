// SPDX-License-Identifier: GPL-2.0
/*
 * Does one thing to a whole stretch of the folios of an extent.
 *
 * Arrays of folios have NULL in the places of holes and of all pages of a
 * folio but its first.
 *
 * Why this is C: each step is an inline function of a few instructions, and an
 * extent has up to 512 folios. With a call for each step, a collapse takes 1.64
 * million instructions in the place of 1.53, which is 7 % more (measured on
 * x86-64 with one mapper). In the kernel's tree, with inline helpers
 * (CONFIG_RUST_INLINE_HELPERS), this could be Rust.
 */

#include <linux/folio_batch.h>
#include <linux/highmem.h>
#include <linux/leafops.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/swapops.h>
#include <linux/xarray.h>

#include "../charge.h"
#include "../functions.h"

/* Returns the references that are not those of mappings. */
static int unmapped_refs(struct folio *folio)
{
	return folio_ref_count(folio) - folio_mapcount(folio);
}

/*
 * Returns whether the folio is of one page, up to date, not poisoned, not
 * being written back, and locked as @locked says. Almost all are, and one read
 * tells.
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

/* Returns whether it is one page that can be used, without extra references. */
static bool is_plain(struct folio *folio)
{
	return is_sound_page(folio, 0) && unmapped_refs(folio) <= 2;
}

/*
 * Goes on through the entries of the pages @index up to @index + @nr, under
 * RCU. Folios come with a reference, and were still there after it was taken.
 * Plain ones are noted in @folios and @frames, where these say that nothing is
 * known. Stops at the first entry that is not, which @out describes, and
 * returns true; false at the end.
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

/* Copies pages to @to, from page @at on; holes become zeroes. */
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

/* Returns the place of the first that is locked already, else @nr. */
unsigned int shmem_collapse_folios_trylock(struct folio **folios, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (folios[i] && !folio_trylock(folios[i]))
			break;
	return i;
}

/*
 * Returns the place of the first that is no longer what the scan has found, or
 * that is being written back or poisoned; else @nr. All are locked.
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
 * Returns the place of the first that has references beyond one of the
 * caller's, those of the page cache and, if @mapped, one for each mapping;
 * else @nr.
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
 * Returns the number of places before the first folio for which other lruvec
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
 * Freezes the references of each at one of the caller's and those of the page
 * cache. Returns the place of the first that has another number, else @nr.
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

/* Unlocks folios with one reference each. Others may take one from now on. */
void shmem_collapse_folios_let_go(struct folio **folios, unsigned int nr)
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
 * Returns whether the folio that an entry of the page cache named a moment ago
 * is locked, being written back, or has references besides those of the page
 * cache and mappings. Without a reference it may have been freed and become
 * part of another folio, so functions that assert anything are not used.
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

/*
 * Of @nr pages from @index on, the one in use that comes first says which use.
 */
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

/*
 * Ends the life of folios that the kernel has to end: large ones, and those
 * that are still on an LRU list. Leaves NULL in their places.
 */
void shmem_collapse_folios_end_others(struct folio **folios, unsigned int nr)
{
	struct folio_batch others;

	folio_batch_init(&others);
	for (; nr--; folios++) {
		struct folio *folio = *folios;

		if (!folio || (!folio_test_large(folio) && !folio_test_lru(folio)))
			continue;
		shmem_collapse_folios_let_go(folios, 1);
		*folios = NULL;
		if (!folio_batch_add(&others, folio))
			folios_put(&others);
	}
	if (folio_batch_count(&others))
		folios_put(&others);
}

/* Uncharges folios, which nobody else can reference yet. */
void shmem_collapse_folios_uncharge(struct folio **folios, unsigned int nr)
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

/* Drops one reference of each. */
void shmem_collapse_folios_put(struct folio **folios, unsigned int nr)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
	for (; nr--; folios++)
		if (*folios && !folio_batch_add(&batch, *folios))
			folios_put(&batch);
	if (folio_batch_count(&batch))
		folios_put(&batch);
}
