// SPDX-License-Identifier: GPL-2.0
/*
 * Tests for signals and for processes in an address space, and calls a worker.
 *
 * Why this is C: lists of tasks are walked by macros, sets of signals are
 * tested by inline functions under the lock of the signal handlers, and a work
 * item on the stack is made by a macro with a lock class of its own.
 */

#include <linux/completion.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "../functions.h"

/*
 * A signal with a handler ends a system call; for anything else it is
 * restarted. @task has not begun to exit.
 */
bool shmem_collapse_handled_signal_pending(struct task_struct *task)
{
	struct sighand_struct *sighand = task->sighand;
	bool handled = false;
	sigset_t pending;
	int sig;

	if (!task_sigpending(task))
		return false;
	spin_lock_irq(&sighand->siglock);
	sigorsets(&pending, &task->pending.signal,
		  &task->signal->shared_pending.signal);
	sigandnsets(&pending, &pending, &task->blocked);
	for (sig = 1; sig <= _NSIG && !handled; sig++) {
		__sighandler_t handler = sighand->action[sig - 1].sa.sa_handler;

		handled = sigismember(&pending, sig) && handler != SIG_DFL &&
			  handler != SIG_IGN;
	}
	spin_unlock_irq(&sighand->siglock);
	return handled;
}

/* Returns whether a process still has @mm and does not exit. */
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
 * Returns whether a process still runs in @mm, as the OOM killer sees it:
 * references alone do not count, such as those of other requests,
 * process_madvise(), swapoff or uprobes. @task had the mm when the request
 * began, and most often still has it. Others may have it: vfork(), CLONE_VM.
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

/* Returns the mm and its task, both with a reference. */
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

struct worker_call {
	struct work_struct work;
	struct completion done;
	void (*call)(void *arg);
	void *arg;
};

static void run_call(struct work_struct *work)
{
	struct worker_call *call = container_of(work, struct worker_call, work);

	call->call(call->arg);
	complete(&call->done);
}

/* Runs @call in a worker of @queue and returns when it is done. */
void shmem_collapse_call_in_worker(struct workqueue_struct *queue,
				   void (*call)(void *), void *arg)
{
	struct worker_call work = { .call = call, .arg = arg };

	init_completion(&work.done);
	INIT_WORK_ONSTACK(&work.work, run_call);
	queue_work(queue, &work.work);
	shmem_collapse_wait_for(&work.done);
	flush_work(&work.work);
	destroy_work_on_stack(&work.work);
}
