// SPDX-License-Identifier: GPL-2.0
/* Inlines about processes' address spaces and their VMAs. */

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
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

/*
 * mremap() fills the tables of a VMA that it has write-locked: it maps them
 * without repeating the look at the pmd, and spins on a pmd that became huge.
 * Linking a VMA into the reverse map and moving its bounds there come after
 * the write lock, so this sees every such VMA under i_mmap_rwsem.
 */
bool shmem_collapse_vma_write_locked(struct vm_area_struct *vma)
{
#ifdef CONFIG_PER_VMA_LOCK
	return READ_ONCE(vma->vm_lock_seq) ==
	       READ_ONCE(vma->vm_mm->mm_lock_seq.sequence);
#else
	return true;
#endif
}

/*
 * The half of the test that allows a table to be taken out which is not about its
 * contents. Meaningful only under the PTE lock: anon_vma and the guard flag are
 * set before the first entry they announce goes in under that lock.
 */
bool shmem_collapse_vma_table_disposable(struct vm_area_struct *vma)
{
	vm_flags_t flags = READ_ONCE(vma->vm_flags);

	if (!vma->vm_file || !shmem_mapping(vma->vm_file->f_mapping))
		return false;
	return !READ_ONCE(vma->anon_vma) && !userfaultfd_armed(vma) &&
	       !vma_test_atomic_flag(vma, VMA_MAYBE_GUARD_BIT) &&
	       !(flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP)) &&
	       !shmem_collapse_vma_write_locked(vma);
}

/* The same for a huge page that is to take the place of the table. */
bool shmem_collapse_vma_table_removable(struct vm_area_struct *vma)
{
	return shmem_collapse_vma_table_disposable(vma) &&
	       !vma_thp_disabled(vma, READ_ONCE(vma->vm_flags), true);
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

/* Registered for more than missing pages. */
bool shmem_collapse_vma_uffd_armed(struct vm_area_struct *vma)
{
	return userfaultfd_minor(vma) || userfaultfd_protected(vma);
}

/* Whether pages that were written can be told from others by their entries. */
bool shmem_collapse_vma_tracks_soft_dirty(struct vm_area_struct *vma)
{
	return vma_soft_dirty_enabled(vma);
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

/* A process that is not on its way out, and still has @mm. */
static bool process_lives_in(struct task_struct *process, struct mm_struct *mm)
{
	struct task_struct *t;

	if ((process->flags & PF_KTHREAD) ||
	    (READ_ONCE(process->signal->flags) & SIGNAL_GROUP_EXIT))
		return false;
	/* As process_shares_mm(): all threads that have an mm have the same. */
	for_each_thread(process, t) {
		struct mm_struct *its = READ_ONCE(t->mm);

		if (its)
			return its == mm;
	}
	return false;
}

/*
 * Whether somebody still runs in @mm, as the OOM killer sees it: references
 * alone do not count, those of other requests, process_madvise(), swapoff or
 * uprobes. @task is who had it when the request began, and most often has it
 * still. Others may: vfork(), CLONE_VM.
 */
bool shmem_collapse_mm_in_use(struct mm_struct *mm, struct task_struct *task)
{
	struct task_struct *process;
	bool found = false;

	if (READ_ONCE(task->mm) == mm &&
	    !(READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT))
		return true;
	if (atomic_read(&mm->mm_users) == 1)
		return false;
	rcu_read_lock();
	for_each_process(process) {
		found = process_lives_in(process, mm);
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

unsigned long shmem_collapse_task_size(struct mm_struct *mm)
{
	return mm->task_size;
}

/* Hands over a reference on the task that has the mm, too. */
struct mm_struct *shmem_collapse_mm_of_pid(pid_t pid, struct task_struct **of)
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
	mm = mm_access(task, PTRACE_MODE_READ_FSCREDS) ?: ERR_PTR(-ESRCH);
	if (IS_ERR(mm))
		put_task_struct(task);
	else
		*of = task;
	return mm;
}

pid_t shmem_collapse_current_tgid(void)
{
	return task_tgid_vnr(current);
}
