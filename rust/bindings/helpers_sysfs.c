// SPDX-License-Identifier: GPL-2.0
/* Attributes of the knobs and their limits, for rust/mm/ and rust/interface/. */

#include <linux/cpumask.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/nodemask.h>

#include "helpers.h"

struct module *shmem_collapse_this_module(void)
{
	return THIS_MODULE;
}

/* Linux 7.3 has both in unions, whose names bindgen makes up. */
void shmem_collapse_kobj_attribute_set(struct kobj_attribute *attr,
	ssize_t (*show)(struct kobject *kobj, struct kobj_attribute *attr,
			char *buf),
	ssize_t (*store)(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count))
{
	attr->show = show;
	attr->store = store;
}

int shmem_collapse_online_cpus(void)
{
	return num_online_cpus();
}

bool shmem_collapse_node_has_memory(int nid)
{
	return nid >= 0 && nid < MAX_NUMNODES && node_state(nid, N_MEMORY);
}
