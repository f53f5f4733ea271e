// SPDX-License-Identifier: GPL-2.0
/* The current task, and who opened a file. */

#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/cpuset.h>
#include <linux/cred.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "helpers.h"

bool shmem_collapse_fatal_signal_pending(void)
{
	return fatal_signal_pending(current);
}

bool shmem_collapse_opened_by_admin(struct file *file)
{
	return file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN);
}

bool shmem_collapse_signal_pending(void)
{
	return signal_pending(current);
}

/* A signal with a handler ends a system call; for anything else it is restarted. */
bool shmem_collapse_handled_signal_pending(void)
{
	struct sighand_struct *sighand = current->sighand;
	bool handled = false;
	sigset_t pending;
	int sig;

	if (!task_sigpending(current))
		return false;
	spin_lock_irq(&sighand->siglock);
	sigorsets(&pending, &current->pending.signal,
		  &current->signal->shared_pending.signal);
	sigandnsets(&pending, &pending, &current->blocked);
	for (sig = 1; sig <= _NSIG && !handled; sig++) {
		__sighandler_t handler = sighand->action[sig - 1].sa.sa_handler;

		handled = sigismember(&pending, sig) && handler != SIG_DFL &&
			  handler != SIG_IGN;
	}
	spin_unlock_irq(&sighand->siglock);
	return handled;
}

pid_t shmem_collapse_current_pid(void)
{
	return task_pid_nr(current);
}

unsigned long shmem_collapse_untagged_addr(unsigned long addr)
{
	return untagged_addr(addr);
}

void shmem_collapse_cond_resched(void)
{
	cond_resched();
}

struct workqueue_struct *shmem_collapse_alloc_unbound_queue(void)
{
	return alloc_workqueue("shmem_collapse", WQ_UNBOUND, 0);
}

/* Whether the cpuset of current leaves out no node that has memory. */
bool shmem_collapse_all_nodes_allowed(void)
{
	return nodes_subset(node_states[N_MEMORY], cpuset_current_mems_allowed);
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

/*
 * Waits until others are done, who do not see the signals of current: @wanted is
 * called when it gets one, and again when it is being killed.
 */
void shmem_collapse_wait_for(struct completion *done, void (*wanted)(void *),
			     void *arg)
{
	if (!wait_for_completion_interruptible(done))
		return;
	wanted(arg);
	if (!wait_for_completion_killable(done))
		return;
	wanted(arg);
	wait_for_completion(done);
}

/*
 * Runs @call in a worker of @queue and returns when it is done. @wanted is called
 * as by shmem_collapse_wait_for().
 */
void shmem_collapse_call_in_worker(struct workqueue_struct *queue,
				   void (*call)(void *), void *arg,
				   void (*wanted)(void *), void *wanted_arg)
{
	struct worker_call work = { .call = call, .arg = arg };

	init_completion(&work.done);
	INIT_WORK_ONSTACK(&work.work, run_call);
	queue_work(queue, &work.work);
	shmem_collapse_wait_for(&work.done, wanted, wanted_arg);
	flush_work(&work.work);
	destroy_work_on_stack(&work.work);
}
