// SPDX-License-Identifier: GPL-2.0
/* Page-table inlines for rust/pgtable/. */

#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmu_notifier.h>
#include <linux/page_table_check.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <linux/unroll.h>
#include <linux/userfaultfd_k.h>
#include <asm/pgalloc.h>
#include <asm/tlbflush.h>
#include <../mm/internal.h>

#include "helpers.h"

#if defined(CONFIG_X86) && !defined(flush_tlb_range)
/* asm/tlbflush.h keeps its range flush from modules. */
void flush_tlb_mm_range(struct mm_struct *mm, unsigned long start,
			unsigned long end, unsigned int stride_shift,
			bool freed_tables);

#define flush_tlb_range(vma, start, end) \
	flush_tlb_mm_range((vma)->vm_mm, start, end, PAGE_SHIFT, true)
#endif

/*
 * Each entry is read once. What is checked is the value that leads on: the walk
 * may run while only the reverse map keeps the tables in place.
 */
pmd_t *shmem_collapse_pmd_offset(struct vm_area_struct *vma, unsigned long addr)
{
	pgd_t *pgdp = pgd_offset(vma->vm_mm, addr), pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;

	/* Shared tables: hugetlb has locks of its own for them. */
	if (is_vm_hugetlb_page(vma))
		return NULL;
	pgd = pgdp_get(pgdp);
	if (!pgd_present(pgd))
		return NULL;
	/* With a folded level, what this returns is the address of the copy. */
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = p4dp_get(p4dp);
	if (!p4d_present(p4d))
		return NULL;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = pudp_get(pudp);
	/* DAX maps whole puds. */
	if (!pud_present(pud) || pud_leaf(pud))
		return NULL;
	/* With huge pages there are pmd tables, so this is no such address. */
	return pmd_offset_lockless(pudp, pud, addr);
}

/* False without memory only: what stands in the way is for the next look. */
bool shmem_collapse_pmd_alloc(struct vm_area_struct *vma, unsigned long addr)
{
	p4d_t *p4d;
	pud_t *pud;

	if (is_vm_hugetlb_page(vma))
		return true;
	p4d = p4d_alloc(vma->vm_mm, pgd_offset(vma->vm_mm, addr), addr);
	if (!p4d)
		return false;
	pud = pud_alloc(vma->vm_mm, p4d, addr);
	if (!pud)
		return false;
	return !pud_none(pudp_get(pud)) || pmd_alloc(vma->vm_mm, pud, addr);
}

bool shmem_collapse_pte_alloc(struct mm_struct *mm, pmd_t *pmd)
{
	return !pte_alloc(mm, pmd);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static u32 softleaf_kind(softleaf_t leaf)
{
	if (softleaf_is_migration(leaf))
		return SHMEM_COLLAPSE_ENTRY_MIGRATION;
	if (softleaf_is_swap(leaf))
		return SHMEM_COLLAPSE_ENTRY_SWAP;
	if (softleaf_is_marker(leaf))
		return SHMEM_COLLAPSE_ENTRY_MARKER;
	return SHMEM_COLLAPSE_ENTRY_OTHER;
}

static struct shmem_collapse_entry pmd_decode(pmd_t pmd)
{
	struct shmem_collapse_entry e = { };

	if (pmd_none(pmd))
		return e;
	if (!pmd_present(pmd)) {
		softleaf_t leaf = softleaf_from_pmd(pmd);

		e.kind = softleaf_kind(leaf);
		if (softleaf_has_pfn(leaf))
			e.pfn = softleaf_to_pfn(leaf);
	} else if (pmd_trans_huge(pmd)) {
		e.kind = pmd_special(pmd) ? SHMEM_COLLAPSE_ENTRY_SPECIAL :
					    SHMEM_COLLAPSE_ENTRY_PAGE;
		e.pfn = pmd_pfn(pmd);
	} else if (pmd_bad(pmd)) {
		e.kind = SHMEM_COLLAPSE_ENTRY_BAD;
	} else {
		e.kind = SHMEM_COLLAPSE_ENTRY_TABLE;
	}
	return e;
}

struct shmem_collapse_entry shmem_collapse_pmd_read_lockless(pmd_t *pmd)
{
	return pmd_decode(pmdp_get_lockless(pmd));
}

struct shmem_collapse_entry shmem_collapse_pmd_read(pmd_t *pmd)
{
	return pmd_decode(pmdp_get(pmd));
}

static __always_inline struct shmem_collapse_entry pte_decode(pte_t pte)
{
	struct shmem_collapse_entry e = { };

	if (pte_none(pte))
		return e;
	if (!pte_present(pte)) {
		softleaf_t leaf = softleaf_from_pte(pte);

		e.kind = softleaf_kind(leaf);
		if (softleaf_has_pfn(leaf))
			e.pfn = softleaf_to_pfn(leaf);
		return e;
	}
	e.kind = pte_special(pte) ? SHMEM_COLLAPSE_ENTRY_SPECIAL :
				    SHMEM_COLLAPSE_ENTRY_PAGE;
	e.pfn = pte_pfn(pte);
	e.flags = (pte_young(pte) ? SHMEM_COLLAPSE_ENTRY_YOUNG : 0) |
		  (pte_dirty(pte) ? SHMEM_COLLAPSE_ENTRY_DIRTY : 0) |
		  (pte_soft_dirty(pte) ? SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY : 0) |
		  (pte_write(pte) ? SHMEM_COLLAPSE_ENTRY_WRITE : 0) |
		  (pte_leaf_size(pte) > PAGE_SIZE ? SHMEM_COLLAPSE_ENTRY_RUN : 0);
	return e;
}

struct shmem_collapse_entry shmem_collapse_pte_decode(pte_t pte)
{
	return pte_decode(pte);
}

/*
 * The table may be unlocked. Where several entries make one (contpte), reading
 * one means reading them all, and they may be taken apart meanwhile.
 */
void shmem_collapse_pte_read_batch(pte_t *pte, struct shmem_collapse_entry *out,
				   unsigned int nr)
{
	while (nr--)
		*out++ = pte_decode(ptep_get_lockless(pte++));
}

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
 * Whether the entry maps @pfn as an ordinary page. One comparison says so of
 * almost all that do: what is left of them without the page frame are flags. (No
 * page has a frame of ones only, however many bits of SHMEM_COLLAPSE_FRAME_NONE
 * an entry has room for.) Entries without access have frames that are inverted.
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

/* Whether the entry maps @pfn as an ordinary page. */
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
 * Which of the table's @nr first entries map the page frame that @frames has in
 * their place; false if one that is not none maps anything else. Under the PTE
 * lock only hardware changes an entry, and in it no more than the flags young
 * and dirty.
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

pte_t *shmem_collapse_pte_offset_map(pmd_t *pmd, unsigned long addr)
{
	return pte_offset_map(pmd, addr);
}

void shmem_collapse_pte_unmap(pte_t *pte)
{
	pte_unmap(pte);
}

bool shmem_collapse_pmd_unchanged(pmd_t *pmd, pmd_t expected)
{
	return pmd_same(expected, pmdp_get_lockless(pmd));
}

spinlock_t *shmem_collapse_pmd_lock(struct mm_struct *mm, pmd_t *pmd)
{
	return pmd_lock(mm, pmd);
}

spinlock_t *shmem_collapse_pte_lockptr(struct mm_struct *mm, pmd_t *pmd)
{
	return pte_lockptr(mm, pmd);
}

void shmem_collapse_spin_lock_nested(spinlock_t *lock)
{
	spin_lock_nested(lock, SINGLE_DEPTH_NESTING);
}

#ifdef pmdp_establish
static pmd_t migration_pmd(struct page *huge, u32 flags)
{
	swp_entry_t entry = make_readable_migration_entry(page_to_pfn(huge));
	pmd_t pmd;

	if (flags & SHMEM_COLLAPSE_ENTRY_YOUNG)
		entry = make_migration_entry_young(entry);
	/*
	 * A dirty entry becomes one that is soft-dirty as well. The folio is dirty
	 * without it.
	 */
	if (flags & SHMEM_COLLAPSE_ENTRY_DIRTY &&
	    (flags & SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY || !pgtable_supports_soft_dirty()))
		entry = make_migration_entry_dirty(entry);
	pmd = softleaf_to_pmd(entry);
	if (flags & SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY)
		pmd = pmd_swp_mksoft_dirty(pmd);
	return pmd;
}
#endif

pmd_t shmem_collapse_pmd_replace_table(struct vm_area_struct *vma,
				       unsigned long addr, pmd_t *pmd,
				       struct page *huge, u32 flags)
{
#ifdef pmdp_establish
	pmd_t table;

	flush_cache_range(vma, addr, addr + HPAGE_PMD_SIZE);
	/* One exchange: a fault finds the table or the entry, never nothing. */
	table = pmdp_establish(vma, addr, pmd, migration_pmd(huge, flags));
#ifdef CONFIG_RISCV
	/* A fence by address is for leaf entries only. */
	flush_tlb_mm(vma->vm_mm);
#else
	flush_tlb_range(vma, addr, addr + HPAGE_PMD_SIZE);
#endif
	pmdp_get_lockless_sync();
	return table;
#else
	/* Not reached: see shmem_collapse_pmd_entries_supported(). */
	WARN_ON_ONCE(1);
	return shmem_collapse_pmd_remove_table(vma, addr, pmd);
#endif
}

pmd_t shmem_collapse_pmd_remove_table(struct vm_area_struct *vma,
				      unsigned long addr, pmd_t *pmd)
{
	pmd_t table = pmdp_collapse_flush(vma, addr, pmd);

	pmdp_get_lockless_sync();
	return table;
}

void shmem_collapse_detached_zero(struct mm_struct *mm, unsigned long addr,
				  pmd_t table, pte_t *start)
{
	unsigned int i;

	mm_dec_nr_ptes(mm);
	/* page_table_check forgets the pages first: it reads the entries. */
	page_table_check_pte_clear_range(mm, addr, table);
	if (pte_none(__pte(0))) {
		memset(start, 0, PTRS_PER_PTE * sizeof(*start));
		return;
	}
	/* On s390 an entry of zeroes is not none. */
	for (i = 0; i < PTRS_PER_PTE; i++)
		pte_clear(mm, addr + i * PAGE_SIZE, start + i);
}

void shmem_collapse_detached_free(struct mm_struct *mm, pmd_t table)
{
	pte_free_defer(mm, pmd_pgtable(table));
}

/* For an entry that maps an ordinary page, which is taken off the RSS. */
struct shmem_collapse_entry shmem_collapse_pte_clear(struct vm_area_struct *vma,
						     unsigned long addr,
						     pte_t *pte)
{
	struct folio *folio = page_folio(pfn_to_page(pte_pfn(ptep_get(pte))));
	pte_t old;

	/* The high-water mark follows only when the counter is about to fall. */
	update_hiwater_rss(vma->vm_mm);
	dec_mm_counter(vma->vm_mm, mm_counter(folio));
	old = ptep_get_and_clear(vma->vm_mm, addr, pte);
	cond_install_uffd_wp_ptes(vma, addr, pte, old, 1);
	return pte_decode(old);
}

bool shmem_collapse_pte_install_zero(struct vm_area_struct *vma,
				     unsigned long addr, pte_t *pte)
{
	pte_t zero;

	if (!vma_is_anonymous(vma) || (vma->vm_flags & VM_SHARED) ||
	    userfaultfd_armed(vma) || mm_forbids_zeropage(vma->vm_mm))
		return false;
	zero = pte_mkspecial(pfn_pte(zero_pfn(addr), vma->vm_page_prot));
	set_pte_at(vma->vm_mm, addr, pte, zero);
	update_mmu_cache(vma, addr, pte);
	return true;
}

bool shmem_collapse_pte_install_poison(struct vm_area_struct *vma,
				       unsigned long addr, pte_t *pte)
{
	if (vma->vm_flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP))
		return false;
	set_pte_at(vma->vm_mm, addr, pte, make_pte_marker(PTE_MARKER_POISONED));
	update_mmu_cache(vma, addr, pte);
	return true;
}

void shmem_collapse_flush_tlb_range(struct vm_area_struct *vma,
				    unsigned long start, unsigned long end)
{
	flush_tlb_range(vma, start, end);
}

void shmem_collapse_flush_cache_range(struct vm_area_struct *vma,
				      unsigned long start, unsigned long end)
{
	flush_cache_range(vma, start, end);
}

void shmem_collapse_notifier_start(struct mmu_notifier_range *range,
				   struct mm_struct *mm, unsigned long start,
				   unsigned long end)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, mm, start, end);
	mmu_notifier_invalidate_range_start(range);
}

void shmem_collapse_notifier_end(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_end(range);
}

/* Without pmdp_establish() there is no exchange in one step. */
bool shmem_collapse_pmd_entries_supported(void)
{
#ifdef pmdp_establish
	return thp_migration_supported() && !arch_needs_pgtable_deposit();
#else
	return false;
#endif
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
