// SPDX-License-Identifier: GPL-2.0
/*
 * Installs entries where there are none.
 *
 * Why this is C: an entry is made, and put in its place, by macros and inline
 * functions of the architecture, and most tests before are inline functions,
 * too.
 */

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>

#include "../functions.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
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
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
