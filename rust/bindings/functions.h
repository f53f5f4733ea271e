/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions in C that are more than wrappers.
 *
 * Each file in functions/ says why it is C. The reasons are of two kinds. Some
 * steps cannot be taken one by one from Rust: what a macro is, or what depends on
 * the preprocessor. Others could, but are taken for each of 512 pages, some of
 * them once more for each mapper: there a call for each step would cost more than
 * the step. Inline helpers (CONFIG_RUST_INLINE_HELPERS) do away with that cost for
 * what is in the kernel's own rust/helpers/, and only where clang compiles the
 * kernel, with the LLVM of rustc; Debian's is compiled by gcc.
 *
 * A stretch of folios is an array with NULL in the places of holes and of all
 * pages of a folio but its first.
 */
#ifndef SHMEM_COLLAPSE_FUNCTIONS_H
#define SHMEM_COLLAPSE_FUNCTIONS_H

#include "helpers.h"

/* functions/walk.c */
pmd_t *shmem_collapse_pmd_offset(struct vm_area_struct *vma, unsigned long addr);
bool shmem_collapse_pmd_alloc(struct vm_area_struct *vma, unsigned long addr);
void *shmem_collapse_hugetlb_below(unsigned int level, void *entry,
				   unsigned long addr);

/* functions/levels.c */
unsigned int shmem_collapse_level_shift(unsigned int level);
unsigned long shmem_collapse_table_bytes(unsigned int level);
bool shmem_collapse_level_folded(struct mm_struct *mm, unsigned int level);
unsigned long shmem_collapse_run_pages(void);
bool shmem_collapse_walk_user(struct vm_area_struct *vma, unsigned long addr,
			      struct shmem_collapse_lowest *lowest);
bool shmem_collapse_vma_withholds_tables(struct vm_area_struct *vma);

/* functions/kernel_tables.c */
void shmem_collapse_kernel_tables_lock(void);
void shmem_collapse_kernel_tables_unlock(void);
struct shmem_collapse_kernel_place shmem_collapse_kernel_walk(unsigned long addr);
bool shmem_collapse_kernel_region(unsigned int region, unsigned long *start,
				  unsigned long *end);
bool shmem_collapse_addresses_shown(struct file *file);
bool shmem_collapse_locked_down(void);
pte_t *shmem_collapse_pte_offset_kernel(pmd_t *pmd, unsigned long addr);
struct shmem_collapse_entry shmem_collapse_kernel_pte_read(pte_t *pte);
bool shmem_collapse_kernel_table_alloc(pmd_t *pmd);
void shmem_collapse_kernel_pte_set(pte_t *pte, unsigned long pfn);
void shmem_collapse_kernel_table_free(pmd_t pmd);

/* functions/entries.c */
struct shmem_collapse_entry shmem_collapse_pmd_read_lockless(pmd_t *pmd);
struct shmem_collapse_entry shmem_collapse_pmd_read(pmd_t *pmd);
struct shmem_collapse_entry shmem_collapse_pte_decode(pte_t pte);
void shmem_collapse_pte_read_batch(pte_t *pte, struct shmem_collapse_entry *out,
				   unsigned int nr);
struct shmem_collapse_entry shmem_collapse_pte_clear(struct vm_area_struct *vma,
						     unsigned long addr,
						     pte_t *pte);

/* functions/pte_scan.c */
bool shmem_collapse_pte_find_pages(pte_t *pte, const unsigned long *frames,
				   unsigned int nr,
				   struct shmem_collapse_pte_pages *found);

/* functions/pte_migration.c */
bool shmem_collapse_vma_index_in(struct vm_area_struct *vma, unsigned long addr,
				 struct page *huge, unsigned long *index);
bool shmem_collapse_pte_replace(struct vm_area_struct *vma, unsigned long addr,
				pte_t *pte, struct page *huge, unsigned long at);
unsigned int shmem_collapse_pte_clear_migrations(struct vm_area_struct *vma,
						 unsigned long addr, pte_t *pte,
						 unsigned int nr,
						 struct page *huge,
						 bool spare_soft_dirty);

/* functions/pte_install.c */
bool shmem_collapse_pte_install_zero(struct vm_area_struct *vma,
				     unsigned long addr, pte_t *pte);
bool shmem_collapse_pte_install_poison(struct vm_area_struct *vma,
				       unsigned long addr, pte_t *pte);

/* functions/pmd_table.c */
bool shmem_collapse_pmd_entries_supported(void);
pmd_t shmem_collapse_pmd_replace_table(struct vm_area_struct *vma,
				       unsigned long addr, pmd_t *pmd,
				       struct page *huge, u32 flags);
bool shmem_collapse_pmd_clear_migration(struct vm_area_struct *vma,
					unsigned long addr, pmd_t *pmd,
					struct page *huge, bool spare_soft_dirty);
void shmem_collapse_detached_zero(struct mm_struct *mm, unsigned long addr,
				  pmd_t table, pte_t *start);

/* functions/pmd_install.c */
bool shmem_collapse_pmd_alloc_for(struct vm_area_struct *vma,
				  unsigned long addr);
bool shmem_collapse_pmd_install(struct vm_area_struct *vma, unsigned long addr,
				pmd_t *pmd, struct page *huge);

/* functions/back.c */
unsigned int shmem_collapse_ptes_back(struct vm_area_struct *vma,
				      unsigned long addr, pte_t *pte,
				      unsigned int nr, struct page *huge,
				      const unsigned long *frames);
bool shmem_collapse_pmd_back(struct vm_area_struct *vma, unsigned long addr,
			     pmd_t *pmd, pmd_t table, struct page *huge,
			     const unsigned long *frames, const u64 *mapped,
			     unsigned int *nr);
void shmem_collapse_mm_grab(struct mm_struct *mm);
void shmem_collapse_mm_drop(struct mm_struct *mm);

/* functions/folios.c */
bool shmem_collapse_folio_maybe_dma_pinned(struct folio *folio);
void shmem_collapse_folio_look(struct folio *folio,
			       struct shmem_collapse_found *found);
bool shmem_collapse_xas_find_folios(struct xa_state *xas, struct folio **folios,
				    unsigned long *frames, unsigned long index,
				    unsigned int nr,
				    struct shmem_collapse_found *out);
int shmem_collapse_copy_pages(struct folio *to, unsigned long at,
			      const unsigned long *frames, unsigned int nr);
unsigned int shmem_collapse_folios_trylock(struct folio **folios, unsigned int nr);
unsigned int shmem_collapse_folios_unchanged(struct folio **folios,
					     const u8 *orders, unsigned int nr,
					     struct address_space *mapping,
					     unsigned long index);
unsigned int shmem_collapse_folios_accounted(struct folio **folios,
					     unsigned int nr, bool mapped);
unsigned int shmem_collapse_folios_same_home(struct folio **folios,
					     unsigned int nr);
bool shmem_collapse_folios_poisoned(struct folio **folios, unsigned int nr);
unsigned int shmem_collapse_folios_freeze(struct folio **folios, unsigned int nr);
void shmem_collapse_folios_unfreeze(struct folio **folios, unsigned int nr);
void shmem_collapse_folios_let_go(struct folio **folios, unsigned int nr);
void shmem_collapse_folios_end_others(struct folio **folios, unsigned int nr);
void shmem_collapse_folios_uncharge(struct folio **folios, unsigned int nr);
void shmem_collapse_folios_put(struct folio **folios, unsigned int nr);
enum shmem_collapse_use
shmem_collapse_pages_use(struct address_space *mapping, unsigned long index,
			 unsigned long nr);

/* functions/link.c */
#define SHMEM_COLLAPSE_LINKED_BY_EXPORTS	0
#define SHMEM_COLLAPSE_LINKED_BY_LIVEPATCH	1
#define SHMEM_COLLAPSE_LINKED_AT_LOAD	2
int shmem_collapse_linked(void);

/* functions/lru.c */
void shmem_collapse_folios_off_lru(struct folio **folios, unsigned int nr);

/* functions/rmap.c */
unsigned int shmem_collapse_folios_drop_mappings(struct folio **folios,
						 const u32 *mappings,
						 unsigned int nr, u32 more);

/* functions/memcg.c */
struct mem_cgroup *shmem_collapse_folio_memcg(struct folio *folio);
unsigned int shmem_collapse_folio_payer(struct folio *folio);

/* functions/huge.c */
struct folio *shmem_collapse_huge_alloc(bool reclaim, const nodemask_t *nodes);
int shmem_collapse_huge_charge(struct folio *huge, struct mem_cgroup *memcg,
			       bool reclaim);
void shmem_collapse_huge_prepare(struct folio *huge,
				 struct address_space *mapping,
				 unsigned long index);
void shmem_collapse_huge_abandon(struct folio *huge);
void shmem_collapse_huge_publish(struct folio *huge);
bool shmem_collapse_huge_poisoned(struct folio *huge);

/* functions/shmem.c */
void shmem_collapse_shrink_later(struct inode *inode, struct folio *huge);
int shmem_collapse_swap_in(struct inode *inode, unsigned long index,
			   struct folio **folio);
int shmem_collapse_folio_instantiate(struct folio *folio,
				     struct address_space *mapping);

/* functions/task.c */
bool shmem_collapse_handled_signal_pending(struct task_struct *task);
bool shmem_collapse_mm_in_use(struct mm_struct *mm, struct task_struct *task);
struct mm_struct *shmem_collapse_mm_of_pid(pid_t pid, struct task_struct **of);
void shmem_collapse_call_in_worker(struct workqueue_struct *queue,
				   void (*call)(void *), void *arg);

#endif /* SHMEM_COLLAPSE_FUNCTIONS_H */
