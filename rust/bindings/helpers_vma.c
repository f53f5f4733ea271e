// SPDX-License-Identifier: GPL-2.0
/* Inlines about processes' address spaces and their VMAs. */

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/userfaultfd_k.h>

#include "helpers.h"

void shmem_collapse_add_shmem_rss(struct mm_struct *mm, long pages)
{
	add_mm_counter(mm, MM_SHMEMPAGES, pages);
}

/*
 * mremap() fills the tables of a VMA that it has write-locked: it maps them
 * without repeating the look at the pmd, and spins on a pmd that became huge.
 * Linking a VMA into the reverse map and moving its bounds there come after
 * the write lock, so this sees every such VMA under i_mmap_rwsem.
 */
static bool vma_write_locked(struct vm_area_struct *vma)
{
#ifdef CONFIG_PER_VMA_LOCK
	return READ_ONCE(vma->vm_lock_seq) ==
	       READ_ONCE(vma->vm_mm->mm_lock_seq.sequence);
#else
	return true;
#endif
}

/*
 * Flags half of the test that allows a table to be taken out. Meaningful only
 * under the PTE lock: anon_vma and the guard flag are set before the first
 * entry they announce goes in under that lock.
 */
bool shmem_collapse_vma_table_removable(struct vm_area_struct *vma)
{
	vm_flags_t flags = READ_ONCE(vma->vm_flags);

	return !READ_ONCE(vma->anon_vma) && !userfaultfd_armed(vma) &&
	       !vma_test_atomic_flag(vma, VMA_MAYBE_GUARD_BIT) &&
	       !(flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP)) &&
	       !vma_thp_disabled(vma, flags, true) && !vma_write_locked(vma);
}

bool shmem_collapse_vma_locked(struct vm_area_struct *vma)
{
	return READ_ONCE(vma->vm_flags) & VM_LOCKED;
}

bool shmem_collapse_vma_uffd_missing(struct vm_area_struct *vma)
{
	return userfaultfd_missing(vma);
}

/* Registered for more than missing pages. */
bool shmem_collapse_vma_uffd_armed(struct vm_area_struct *vma)
{
	return userfaultfd_minor(vma) || userfaultfd_protected(vma);
}

bool shmem_collapse_vma_thp_disabled(struct vm_area_struct *vma)
{
	return vma_thp_disabled(vma, vma->vm_flags, true);
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

/* Only the bounds: a VMA found under RCU alone must not be dereferenced. */
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

/* True once the caller's reference is the last: the process is gone. */
bool shmem_collapse_mm_abandoned(struct mm_struct *mm)
{
	return atomic_read(&mm->mm_users) == 1;
}

unsigned long shmem_collapse_task_size(struct mm_struct *mm)
{
	return mm->task_size;
}

struct mm_struct *shmem_collapse_mm_of_pid(pid_t pid)
{
	struct task_struct *task;
	struct mm_struct *mm;

	if (!pid) {
		task = get_task_struct(current);
	} else {
		rcu_read_lock();
		task = get_pid_task(find_vpid(pid), PIDTYPE_PID);
		rcu_read_unlock();
		if (!task)
			return ERR_PTR(-ESRCH);
	}
	mm = mm_access(task, PTRACE_MODE_READ_FSCREDS);
	put_task_struct(task);
	return mm ?: ERR_PTR(-ESRCH);
}

pid_t shmem_collapse_current_tgid(void)
{
	return task_tgid_vnr(current);
}
