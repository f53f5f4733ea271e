// SPDX-License-Identifier: GPL-2.0
/* Limits of the knobs, for rust/interface/. */

#include <linux/cpumask.h>
#include <linux/nodemask.h>

#include "helpers.h"

int shmem_collapse_online_cpus(void)
{
	return num_online_cpus();
}

bool shmem_collapse_node_has_memory(int nid)
{
	return nid >= 0 && nid < MAX_NUMNODES && node_state(nid, N_MEMORY);
}
