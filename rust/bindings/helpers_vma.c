// SPDX-License-Identifier: GPL-2.0
/* Inlines about processes' address spaces and their VMAs. */

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/userfaultfd_k.h>
#include <../mm/internal.h>

#include "helpers.h"

void shmem_collapse_add_shmem_rss(struct mm_struct *mm, long pages)
{
	/* The high-water mark follows only when the counter is about to fall. */
	if (pages < 0)
		update_hiwater_rss(mm);
	add_mm_counter(mm, MM_SHMEMPAGES, pages);
}

bool shmem_collapse_vma_maps_shmem(struct vm_area_struct *vma)
{
	return vma->vm_file && shmem_mapping(vma->vm_file->f_mapping);
}

bool shmem_collapse_userfaultfd_armed(struct vm_area_struct *vma)
{
	return userfaultfd_armed(vma);
}

bool shmem_collapse_vma_maybe_guarded(struct vm_area_struct *vma)
{
	return vma_test_atomic_flag(vma, VMA_MAYBE_GUARD_BIT);
}

/* Without VMA locks it cannot be known. */
bool shmem_collapse_vma_write_locked(struct vm_area_struct *vma)
{
#ifdef CONFIG_PER_VMA_LOCK
	return READ_ONCE(vma->vm_lock_seq) ==
	       READ_ONCE(vma->vm_mm->mm_lock_seq.sequence);
#else
	return true;
#endif
}

bool shmem_collapse_vma_locked(struct vm_area_struct *vma)
{
	return READ_ONCE(vma->vm_flags) & VM_LOCKED;
}

bool shmem_collapse_vma_uffd_missing(struct vm_area_struct *vma)
{
	return userfaultfd_missing(vma);
}

bool shmem_collapse_vma_uffd_minor(struct vm_area_struct *vma)
{
	return userfaultfd_minor(vma);
}

/* Returns whether it is registered for more than missing pages. */
bool shmem_collapse_vma_uffd_armed(struct vm_area_struct *vma)
{
	return userfaultfd_minor(vma) || userfaultfd_protected(vma);
}

/*
 * Returns whether pages that were written can be told from others by their
 * entries.
 */
bool shmem_collapse_vma_tracks_soft_dirty(struct vm_area_struct *vma)
{
	return vma_soft_dirty_enabled(vma);
}

bool shmem_collapse_vma_thp_disabled(struct vm_area_struct *vma)
{
	return vma_thp_disabled(vma, READ_ONCE(vma->vm_flags), true);
}

unsigned long shmem_collapse_vma_pgoff(struct vm_area_struct *vma)
{
	return vma_start_pgoff(vma);
}

struct file *shmem_collapse_vma_get_shmem_file(struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;

	/* Not vm_ops: System V segments replace them. */
	if (!file || !shmem_collapse_mapping_is_shmem(file->f_mapping))
		return NULL;
	return get_file(file);
}

/* Returns bounds only: a VMA found under RCU must not be dereferenced. */
bool shmem_collapse_vma_next_range(struct mm_struct *mm, unsigned long *start,
				   unsigned long *end)
{
	MA_STATE(mas, &mm->mm_mt, *start, *start);
	bool found;

	rcu_read_lock();
	found = mas_find(&mas, ULONG_MAX);
	rcu_read_unlock();
	if (found) {
		*start = mas.index;
		*end = mas.last + 1;
	}
	return found;
}

unsigned long shmem_collapse_task_size(struct mm_struct *mm)
{
	return mm->task_size;
}

pid_t shmem_collapse_current_tgid(void)
{
	return task_tgid_vnr(current);
}
