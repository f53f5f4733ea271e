// SPDX-License-Identifier: GPL-2.0
/* Inlines about the current task, and the opener of a file. */

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

/* Returns whether the cpuset of current leaves out no node that has memory. */
bool shmem_collapse_all_nodes_allowed(void)
{
	return nodes_subset(node_states[N_MEMORY], cpuset_current_mems_allowed);
}

/*
 * Waits until @done is complete. Signals do not end the wait: the workers for
 * current test for them. The hung-task detector ignores current meanwhile.
 */
void shmem_collapse_wait_for(struct completion *done)
{
	wait_for_completion_state(done, TASK_IDLE);
}
