// SPDX-License-Identifier: GPL-2.0
/*
 * Compares the entries of a PTE table with the pages of an extent.
 *
 * Why this is C: it looks at 512 entries for each mapper, which is where a
 * request with many mappers spends its time. With three calls for each entry,
 * for its value, its kind and its page frame, a collapse with 8 mappers takes
 * 1.80 million instructions in the place of 1.62, which is 11 % more, and with
 * 32 mappers 2.61 in the place of 1.90, which is 37 % more (measured on
 * x86-64).
 */

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/unroll.h>

#include "../functions.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static bool maps_page(pte_t pte, unsigned long pfn)
{
	return pte_present(pte) && !pte_special(pte) && pte_pfn(pte) == pfn;
}

/* What any of the entries seen so far has. */
struct seen {
#ifdef CONFIG_X86
	pteval_t page_bits;	/* constant: a page frame and what says that it is one */
	pteval_t flags;
#else
	bool young, dirty, soft_dirty;
#endif
};

#ifdef CONFIG_X86
static void seen_init(struct seen *seen)
{
	seen->page_bits = PTE_PFN_MASK | _PAGE_PRESENT | _PAGE_SPECIAL;
	seen->flags = 0;
}

/*
 * Returns whether the entry maps @pfn as an ordinary page. One comparison says
 * so of almost all that do: what is left of them without the page frame are
 * flags. (No page has a frame of ones only, however many bits of
 * SHMEM_COLLAPSE_FRAME_NONE an entry has room for.) Entries without access
 * have frames that are inverted.
 */
static __always_inline bool see_page(struct seen *seen, pte_t pte,
				     unsigned long pfn)
{
	pteval_t rest = pte_val(pte) ^ ((pteval_t)pfn << PAGE_SHIFT);

	if (likely((rest & seen->page_bits) == _PAGE_PRESENT)) {
		seen->flags |= rest;
		return true;
	}
	if (!maps_page(pte, pfn))
		return false;
	seen->flags |= pte_flags(pte);
	return true;
}

static u32 seen_flags(const struct seen *seen)
{
	pte_t all = native_make_pte(seen->flags & PTE_FLAGS_MASK);

	return (pte_young(all) ? SHMEM_COLLAPSE_ENTRY_YOUNG : 0) |
	       (pte_dirty(all) ? SHMEM_COLLAPSE_ENTRY_DIRTY : 0) |
	       (pte_soft_dirty(all) ? SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY : 0);
}
#else
static void seen_init(struct seen *seen)
{
	*seen = (struct seen){ };
}

/* Returns whether the entry maps @pfn as an ordinary page. */
static __always_inline bool see_page(struct seen *seen, pte_t pte,
				     unsigned long pfn)
{
	if (!maps_page(pte, pfn))
		return false;
	/* Most tables have all three from the first entry on. */
	if (unlikely(!seen->young || !seen->dirty || !seen->soft_dirty)) {
		seen->young |= pte_young(pte);
		seen->dirty |= pte_dirty(pte);
		seen->soft_dirty |= pte_soft_dirty(pte);
	}
	return true;
}

static u32 seen_flags(const struct seen *seen)
{
	return (seen->young ? SHMEM_COLLAPSE_ENTRY_YOUNG : 0) |
	       (seen->dirty ? SHMEM_COLLAPSE_ENTRY_DIRTY : 0) |
	       (seen->soft_dirty ? SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY : 0);
}
#endif

/*
 * Finds which of the table's @nr first entries map the page frame that @frames
 * has in their place; false if one that is not none maps anything else. Under
 * the PTE lock only hardware changes an entry, and in it no more than the
 * flags young and dirty.
 */
bool shmem_collapse_pte_find_pages(pte_t *pte, const unsigned long *frames,
				   unsigned int nr,
				   struct shmem_collapse_pte_pages *found)
{
	u64 *mapped = found->mapped;
	unsigned int first, i;
	struct seen seen;

	seen_init(&seen);
	memset(found, 0, sizeof(*found));
	for (first = 0; first < nr; first += 64) {
		unsigned int here = min(nr - first, 64);
		u64 none = 0;

		/* The loop would be a quarter of what an entry costs. */
		unrolled_count(4)
		for (i = 0; i < here; i++) {
			pte_t value = ptep_get_lockless(pte + i);

			if (likely(see_page(&seen, value, frames[i])))
				continue;
			if (!pte_none(value))
				return false;
			none |= BIT_ULL(i);
		}
		pte += here;
		frames += here;
		*mapped = GENMASK_ULL(here - 1, 0) & ~none;
		found->nr += hweight64(*mapped);
		mapped++;
	}
	found->flags = seen_flags(&seen);
	return true;
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
