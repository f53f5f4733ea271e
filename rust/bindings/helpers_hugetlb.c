// SPDX-License-Identifier: GPL-2.0
/* hugetlb inlines for rust/hugetlb/. */

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "functions.h"

bool shmem_collapse_hugetlb_lock(struct vm_area_struct *vma)
{
	if (!is_vm_hugetlb_page(vma))
		return false;
	hugetlb_vma_lock_read(vma);
	return true;
}

void shmem_collapse_hugetlb_unlock(struct vm_area_struct *vma)
{
	hugetlb_vma_unlock_read(vma);
}

unsigned long shmem_collapse_hugetlb_page_size(struct vm_area_struct *vma)
{
	return huge_page_size(hstate_vma(vma));
}

void *shmem_collapse_hugetlb_top(struct vm_area_struct *vma, unsigned long addr)
{
	return pgd_offset(vma->vm_mm, addr);
}

void *shmem_collapse_hugetlb_offset(struct vm_area_struct *vma,
				    unsigned long addr)
{
	unsigned long size = huge_page_size(hstate_vma(vma));

	return hugetlb_walk(vma, addr & ~(size - 1), size);
}

void *shmem_collapse_hugetlb_alloc(struct vm_area_struct *vma,
				   unsigned long addr)
{
	unsigned long size = huge_page_size(hstate_vma(vma));

	return huge_pte_alloc(vma->vm_mm, vma, addr & ~(size - 1), size);
}

struct shmem_collapse_entry
shmem_collapse_hugetlb_read(struct vm_area_struct *vma, unsigned long addr,
			    void *entry)
{
	spinlock_t *lock = huge_pte_lock(hstate_vma(vma), vma->vm_mm, entry);
	pte_t pte = huge_ptep_get(vma->vm_mm, addr, entry);

	spin_unlock(lock);
	return shmem_collapse_pte_decode(pte);
}
