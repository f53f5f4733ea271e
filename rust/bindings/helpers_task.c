// SPDX-License-Identifier: GPL-2.0
/* The current task, and who opened a file. */

#include <linux/capability.h>
#include <linux/cred.h>
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
