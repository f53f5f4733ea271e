/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wrappers for what the kernel has only as inline functions, macros or fields
 * that depend on its configuration.
 *
 * Each does what one function or macro of the kernel does, or a few that belong
 * together, to one object, or answers one question about it. What to do with the
 * answer is decided in Rust, which sees them without the prefix
 * "shmem_collapse_". C that does more is declared in functions.h.
 */
#ifndef SHMEM_COLLAPSE_HELPERS_H
#define SHMEM_COLLAPSE_HELPERS_H

#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/pgtable.h>
#include <linux/xarray.h>

struct completion;
struct cred;
struct dentry;
struct path;
struct workqueue_struct;

/* What a pte or pmd entry is; see rust/pgtable/entry.rs. */
enum shmem_collapse_entry_kind {
	SHMEM_COLLAPSE_ENTRY_NONE,
	SHMEM_COLLAPSE_ENTRY_PAGE,
	SHMEM_COLLAPSE_ENTRY_SPECIAL,
	SHMEM_COLLAPSE_ENTRY_TABLE,
	SHMEM_COLLAPSE_ENTRY_MIGRATION,
	SHMEM_COLLAPSE_ENTRY_SWAP,
	SHMEM_COLLAPSE_ENTRY_MARKER,
	SHMEM_COLLAPSE_ENTRY_OTHER,
	SHMEM_COLLAPSE_ENTRY_BAD,
};

#define SHMEM_COLLAPSE_ENTRY_YOUNG	1
#define SHMEM_COLLAPSE_ENTRY_DIRTY	2
#define SHMEM_COLLAPSE_ENTRY_SOFT_DIRTY	4
#define SHMEM_COLLAPSE_ENTRY_WRITE	8
/* One of several entries that the hardware may take for one. */
#define SHMEM_COLLAPSE_ENTRY_RUN	16

/* Frame number of a hole. */
#define SHMEM_COLLAPSE_FRAME_NONE	(~0UL)

/* One decoded entry; pfn is meaningful for PAGE, SPECIAL and MIGRATION. */
struct shmem_collapse_entry {
	unsigned long pfn;
	unsigned int kind;
	unsigned int flags;
};

/*
 * A table whose entries are none or map pages: a bit for each that does, their
 * number, and the flags that any of them has.
 */
struct shmem_collapse_pte_pages {
	u64 mapped[DIV_ROUND_UP(MAX_PTRS_PER_PTE, 64)];
	unsigned int nr;
	unsigned int flags;
};

/* Levels of a page table, as in rust/pgtable/level.rs. */
enum shmem_collapse_level {
	SHMEM_COLLAPSE_LEVEL_PTE,
	SHMEM_COLLAPSE_LEVEL_PMD,
	SHMEM_COLLAPSE_LEVEL_PUD,
	SHMEM_COLLAPSE_LEVEL_P4D,
	SHMEM_COLLAPSE_LEVEL_PGD,
};

/*
 * Where the walk of the kernel's tables ends: at a pmd entry that points to a
 * PTE table, and its value, at a leaf and its size, or at nothing.
 */
struct shmem_collapse_kernel_place {
	struct shmem_collapse_entry entry;
	unsigned long size;
	pmd_t table;
	unsigned int level;
};

/* Regions of kernel addresses, as in rust/pgtable/kernel_region.rs. */
enum shmem_collapse_region {
	SHMEM_COLLAPSE_REGION_DIRECT,
	SHMEM_COLLAPSE_REGION_VMALLOC,
	SHMEM_COLLAPSE_REGION_MODULES,
};

/* The lowest entry above the PTE tables that there is for an address. */
struct shmem_collapse_lowest {
	struct shmem_collapse_entry entry;
	unsigned int level;
};

/* helpers_hugetlb.c, with CONFIG_HUGETLB_PAGE only */
bool shmem_collapse_hugetlb_lock(struct vm_area_struct *vma);
void shmem_collapse_hugetlb_unlock(struct vm_area_struct *vma);
unsigned long shmem_collapse_hugetlb_page_size(struct vm_area_struct *vma);
void *shmem_collapse_hugetlb_top(struct vm_area_struct *vma, unsigned long addr);
void *shmem_collapse_hugetlb_offset(struct vm_area_struct *vma,
				    unsigned long addr);
void *shmem_collapse_hugetlb_alloc(struct vm_area_struct *vma,
				   unsigned long addr);
struct shmem_collapse_entry
shmem_collapse_hugetlb_read(struct vm_area_struct *vma, unsigned long addr,
			    void *entry);

/* What became of an extent, for the tracepoint. Times add up over attempts. */
struct shmem_collapse_report {
	unsigned long ino;
	unsigned long index;
	const char *outcome;
	unsigned int outcome_len;
	unsigned int dev;
	int pid;
	unsigned int holes;
	unsigned int swapped;
	unsigned int vmas;
	unsigned int pmds_mapped;
	unsigned int page_tables_freed;
	unsigned long long gather_ns;
	unsigned long long unmap_ns;
	unsigned long long copy_ns;
	unsigned long long commit_ns;
	unsigned long long map_ns;
	unsigned long long extents;
};

#define SHMEM_COLLAPSE_FOUND_UPTODATE	1
#define SHMEM_COLLAPSE_FOUND_LOCKED	2
#define SHMEM_COLLAPSE_FOUND_POISONED	4
#define SHMEM_COLLAPSE_FOUND_PINNED	8
/* A reference beyond the page cache's, those of mappings, and the caller's. */
#define SHMEM_COLLAPSE_FOUND_SURPLUS	16

/*
 * An entry of the page cache: a folio, which is referenced, or NULL for a value.
 * Then pfn and flags say nothing, except that a value may be marked as poisoned.
 */
struct shmem_collapse_found {
	struct folio *folio;
	unsigned long index;
	unsigned long pfn;
	unsigned int order;
	unsigned int flags;
};

/* What others do to pages that keeps a collapse from them for a while. */
enum shmem_collapse_use {
	SHMEM_COLLAPSE_USE_NONE,
	SHMEM_COLLAPSE_USE_LOCKED,	/* or being written back */
	SHMEM_COLLAPSE_USE_REFERENCED,
};

/* helpers_pgtable.c */
bool shmem_collapse_pte_alloc(struct mm_struct *mm, pmd_t *pmd);
pte_t *shmem_collapse_pte_offset_map(pmd_t *pmd, unsigned long addr);
void shmem_collapse_pte_unmap(pte_t *pte);
bool shmem_collapse_pmd_unchanged(pmd_t *pmd, pmd_t expected);
spinlock_t *shmem_collapse_pmd_lock(struct mm_struct *mm, pmd_t *pmd);
spinlock_t *shmem_collapse_pte_lockptr(struct mm_struct *mm, pmd_t *pmd);
void shmem_collapse_spin_lock_nested(spinlock_t *lock);
pmd_t shmem_collapse_pmd_remove_table(struct vm_area_struct *vma,
				      unsigned long addr, pmd_t *pmd);
void shmem_collapse_detached_free(struct mm_struct *mm, pmd_t table);
void shmem_collapse_flush_tlb_range(struct vm_area_struct *vma,
				    unsigned long start, unsigned long end);
void shmem_collapse_flush_cache_range(struct vm_area_struct *vma,
				      unsigned long start, unsigned long end);
void shmem_collapse_notifier_start(struct mmu_notifier_range *range,
				   struct mm_struct *mm, unsigned long start,
				   unsigned long end);
void shmem_collapse_notifier_end(struct mmu_notifier_range *range);

/* helpers_vma.c */
void shmem_collapse_add_shmem_rss(struct mm_struct *mm, long pages);
bool shmem_collapse_vma_write_locked(struct vm_area_struct *vma);
bool shmem_collapse_userfaultfd_armed(struct vm_area_struct *vma);
bool shmem_collapse_vma_maybe_guarded(struct vm_area_struct *vma);
bool shmem_collapse_vma_maps_shmem(struct vm_area_struct *vma);
bool shmem_collapse_vma_locked(struct vm_area_struct *vma);
bool shmem_collapse_vma_uffd_missing(struct vm_area_struct *vma);
bool shmem_collapse_vma_uffd_minor(struct vm_area_struct *vma);
bool shmem_collapse_vma_uffd_armed(struct vm_area_struct *vma);
bool shmem_collapse_vma_tracks_soft_dirty(struct vm_area_struct *vma);
bool shmem_collapse_vma_thp_disabled(struct vm_area_struct *vma);
unsigned long shmem_collapse_vma_pgoff(struct vm_area_struct *vma);
struct file *shmem_collapse_vma_get_shmem_file(struct vm_area_struct *vma);
bool shmem_collapse_vma_next_range(struct mm_struct *mm, unsigned long *start,
				   unsigned long *end);
unsigned long shmem_collapse_task_size(struct mm_struct *mm);
pid_t shmem_collapse_current_tgid(void);

/* helpers_folio.c */
void shmem_collapse_folio_put(struct folio *folio);
unsigned long shmem_collapse_folio_pfn(struct folio *folio);
int shmem_collapse_folio_mapcount(struct folio *folio);
int shmem_collapse_folio_nid(struct folio *folio);
bool shmem_collapse_folio_writeback(struct folio *folio);
bool shmem_collapse_folio_poisoned(struct folio *folio);
void shmem_collapse_folio_ref_unfreeze(struct folio *folio, int count);
void shmem_collapse_folio_remove_rmap(struct folio *folio, unsigned long at,
				      int nr, struct vm_area_struct *vma);
void shmem_collapse_folio_stat_mapped(struct folio *folio, int pages);
void shmem_collapse_folio_stat_cached(struct folio *folio, int pages);

/* helpers_huge.c */
struct folio *shmem_collapse_huge_find(struct address_space *mapping,
				       unsigned long index);
bool shmem_collapse_huge_at(struct folio *folio, struct address_space *mapping,
			    unsigned long index);
int shmem_collapse_huge_mapcount(struct folio *huge);
struct page *shmem_collapse_huge_head(struct folio *huge);
bool shmem_collapse_zone_allowed(struct folio *huge,
				 struct address_space *mapping);
struct mem_cgroup *shmem_collapse_current_memcg(void);
void shmem_collapse_mem_cgroup_put(struct mem_cgroup *memcg);
unsigned long shmem_collapse_hpage_pmd_nr(void);
bool shmem_collapse_huge_pages_supported(void);

/* helpers_cache.c */
void shmem_collapse_xas_init(struct xa_state *xas, struct address_space *mapping,
			     unsigned long index, unsigned int order);
void *shmem_collapse_xas_next(struct xa_state *xas);
void shmem_collapse_xas_set(struct xa_state *xas, unsigned long index);
void shmem_collapse_xas_set_order(struct xa_state *xas, unsigned long index,
				  unsigned int order);
int shmem_collapse_xas_error(struct xa_state *xas);
void shmem_collapse_xas_lock_irq(struct xa_state *xas);
void shmem_collapse_xas_unlock_irq(struct xa_state *xas);
void *shmem_collapse_xa_retry_entry(void);
void shmem_collapse_i_mmap_lock_read(struct address_space *mapping);
void shmem_collapse_i_mmap_unlock_read(struct address_space *mapping);
void shmem_collapse_mapping_add_pages(struct address_space *mapping, long pages);
bool shmem_collapse_mapping_frozen(struct address_space *mapping);
bool shmem_collapse_huge_allowed(struct inode *inode, unsigned long index);
unsigned long shmem_collapse_inode_pages(struct inode *inode);
struct address_space *shmem_collapse_file_mapping(struct file *file);
struct inode *shmem_collapse_mapping_host(struct address_space *mapping);
struct address_space *shmem_collapse_path_mapping(const struct path *path);
bool shmem_collapse_mapping_is_shmem(struct address_space *mapping);

/* helpers_task.c */
bool shmem_collapse_fatal_signal_pending(struct task_struct *task);
bool shmem_collapse_opened_by_admin(struct file *file);
unsigned long shmem_collapse_untagged_addr(unsigned long addr);
void shmem_collapse_cond_resched(void);
const struct cred *shmem_collapse_current_cred(void);
const struct cred *shmem_collapse_override_creds(const struct cred *cred);
void shmem_collapse_revert_creds(const struct cred *cred);
void shmem_collapse_nap(unsigned long us);
struct workqueue_struct *shmem_collapse_alloc_unbound_queue(void);
bool shmem_collapse_all_nodes_allowed(void);
void shmem_collapse_wait_for(struct completion *done);

/* helpers_trace.c */
void shmem_collapse_trace_extent(const struct shmem_collapse_report *report);
unsigned int shmem_collapse_mapping_dev(struct address_space *mapping);
unsigned long shmem_collapse_mapping_ino(struct address_space *mapping);

/* helpers_sysfs.c */
int shmem_collapse_online_cpus(void);
bool shmem_collapse_node_has_memory(int nid);

/* helpers_failpoint.c, with CONFIG_FAULT_INJECTION_DEBUG_FS only */
bool shmem_collapse_should_fail(void);
struct dentry *shmem_collapse_fault_attr_add(void);
void shmem_collapse_fault_attr_remove(struct dentry *dir);

/* helpers_kunit.c, with CONFIG_KUNIT=y only */
unsigned long shmem_collapse_scratch_map(unsigned long at, unsigned long len,
					 bool shared);
unsigned long shmem_collapse_scratch_map_private(unsigned long len);
bool shmem_collapse_scratch_write(unsigned long addr);
bool shmem_collapse_scratch_read(unsigned long addr);
int shmem_collapse_scratch_collapse(unsigned long addr);
struct file *shmem_collapse_scratch_file(void);
void shmem_collapse_scratch_forget(struct vm_area_struct *vma,
				   unsigned long pfn);
int shmem_collapse_watch_begin(unsigned long addr);
void shmem_collapse_watch_forget(void);
const char *shmem_collapse_watch_log(void);
void shmem_collapse_watch_print(void);
void shmem_collapse_watch_end(void);
bool shmem_collapse_scratch_forbid_high_memory(unsigned long addr, bool forbid);
struct mm_struct *shmem_collapse_scratch_mm(void);
int shmem_collapse_rcu_depth(void);
bool shmem_collapse_rcu_is_counted(void);
unsigned long shmem_collapse_vmalloc_frame(const void *addr);
bool shmem_collapse_is_vmalloc_or_module(const void *addr);
unsigned long shmem_collapse_linear_frame(const void *addr);
unsigned long shmem_collapse_sample_frame(void);
pte_t shmem_collapse_sample_pte(unsigned int which);
bool shmem_collapse_sample_pmd(unsigned int which, pmd_t *pmd);

#endif /* SHMEM_COLLAPSE_HELPERS_H */
