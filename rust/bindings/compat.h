/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Linux 7.3 calls otherwise than 7.2. The module is written for 7.3; for an
 * older kernel each name stands for what does the same there.
 */
#ifndef SHMEM_COLLAPSE_COMPAT_H
#define SHMEM_COLLAPSE_COMPAT_H

/* First: leafops.h and swapops.h of 7.2 need it and do not include it. */
#include <linux/swap.h>

#include <linux/fs.h>
#include <linux/mm.h>

/* New in 7.3, as all of what follows. */
#ifndef mapping_rmap_tree_foreach
#include <linux/mm_inline.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>

#define softleaf_to_pmd(leaf)	swp_entry_to_pmd(leaf)

/* Protection against reads as well came with 7.3. */
#define userfaultfd_protected(vma)	userfaultfd_wp(vma)

static inline bool cond_install_uffd_wp_ptes(struct vm_area_struct *vma,
					     unsigned long addr, pte_t *ptep,
					     pte_t pte, unsigned long nr_ptes)
{
	/* The older one knows but one entry. */
	VM_WARN_ON_ONCE(nr_ptes != 1);
	return pte_install_uffd_wp_if_needed(vma, addr, ptep, pte);
}

static inline pgoff_t vma_start_pgoff(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static inline struct vm_area_struct *
mapping_rmap_tree_iter_first(struct address_space *mapping,
			     pgoff_t pgoff_start, pgoff_t pgoff_last)
{
	return vma_interval_tree_iter_first(&mapping->i_mmap, pgoff_start,
					    pgoff_last);
}

static inline struct vm_area_struct *
mapping_rmap_tree_iter_next(struct vm_area_struct *vma,
			    pgoff_t pgoff_start, pgoff_t pgoff_last)
{
	return vma_interval_tree_iter_next(vma, pgoff_start, pgoff_last);
}

static inline void free_pages_bulk(struct page **pages, unsigned long nr)
{
	while (nr--)
		__free_page(*pages++);
}
#endif

#endif /* SHMEM_COLLAPSE_COMPAT_H */
