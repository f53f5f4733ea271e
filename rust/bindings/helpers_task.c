// SPDX-License-Identifier: GPL-2.0
/* The current task, and who opened a file. */

#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/cpuset.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "helpers.h"

bool shmem_collapse_fatal_signal_pending(struct task_struct *task)
{
	return fatal_signal_pending(task);
}

bool shmem_collapse_opened_by_admin(struct file *file)
{
	return file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN);
}

/*
 * A signal with a handler ends a system call; for anything else it is restarted.
 * @task has not begun to exit.
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

unsigned long shmem_collapse_untagged_addr(unsigned long addr)
{
	return untagged_addr(addr);
}

void shmem_collapse_cond_resched(void)
{
	cond_resched();
}

void shmem_collapse_nap(unsigned long us)
{
	usleep_range_state(us, us + us / 4, TASK_IDLE);
}

const struct cred *shmem_collapse_current_cred(void)
{
	return current_cred();
}

const struct cred *shmem_collapse_override_creds(const struct cred *cred)
{
	return override_creds(cred);
}

void shmem_collapse_revert_creds(const struct cred *cred)
{
	revert_creds(cred);
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
 * Waits until others are done. It is for them to look at the signals of current,
 * so nothing wakes it up before; it is no hung task meanwhile.
 */
void shmem_collapse_wait_for(struct completion *done)
{
	wait_for_completion_state(done, TASK_IDLE);
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
