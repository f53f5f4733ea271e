// SPDX-License-Identifier: GPL-2.0
/*
 * Maps a huge page where nothing is mapped.
 *
 * Why this is C: do_set_pmd() takes a struct vm_fault, with some of its fields
 * set and all others zero, and what is tested before are inline functions.
 */

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/userfaultfd_k.h>
#include <../mm/internal.h>

#include "../functions.h"

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* shmem_collapse_pmd_alloc(), paid for by the group of the mm. */
bool shmem_collapse_pmd_alloc_for(struct vm_area_struct *vma, unsigned long addr)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(vma->vm_mm);
	struct mem_cgroup *old = set_active_memcg(memcg);
	bool done = shmem_collapse_pmd_alloc(vma, addr);

	set_active_memcg(old);
	mem_cgroup_put(memcg);
	return done;
}

/*
 * Maps the locked folio of @huge by @pmd, if that is none: do_set_pmd(), which
 * looks at what forbids huge pages. Under the VMA lock. Nothing is put where a
 * userfaultfd waits for the first touch, or where the OOM reaper takes private
 * pages away.
 */
bool shmem_collapse_pmd_install(struct vm_area_struct *vma, unsigned long addr,
				pmd_t *pmd, struct page *huge)
{
	struct folio *folio = page_folio(huge);
	struct vm_fault vmf = {
		.vma = vma,
		.address = addr,
		.real_address = addr,
		.pgoff = linear_page_index(vma, addr),
		.pmd = pmd,
	};
	bool done;

	/* It would leave a table that only code of the kernel can free. */
	if (arch_needs_pgtable_deposit())
		return false;
	/* A driver that maps pages of the file in a way of its own. */
	if (vma->vm_flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP))
		return false;
	if (userfaultfd_armed(vma) ||
	    (!(vma->vm_flags & VM_SHARED) && check_stable_address_space(vma->vm_mm)))
		return false;
	folio_get(folio);
	done = !do_set_pmd(&vmf, folio, huge);
	if (!done)
		folio_put(folio);
	return done;
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
