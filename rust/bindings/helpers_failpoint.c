// SPDX-License-Identifier: GPL-2.0
/* The module's fault attribute, for rust/support/failpoint_armed.rs. */

#include <linux/debugfs.h>
#include <linux/fault-inject.h>

#include "helpers.h"

static DECLARE_FAULT_ATTR(fail_shmem_collapse);

/* Counts in /proc/PID/fail-nth, as an allocation does. */
bool shmem_collapse_should_fail(void)
{
	return should_fail(&fail_shmem_collapse, 1);
}

struct dentry *shmem_collapse_fault_attr_add(void)
{
	return fault_create_debugfs_attr("fail_shmem_collapse", NULL,
					 &fail_shmem_collapse);
}

void shmem_collapse_fault_attr_remove(struct dentry *dir)
{
	debugfs_remove(dir);
}
