// SPDX-License-Identifier: GPL-2.0
/* The module's tracepoint. */

#include <linux/fs.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

void shmem_collapse_trace_extent(const struct shmem_collapse_report *report)
{
	trace_shmem_collapse_extent(report);
}

unsigned int shmem_collapse_mapping_dev(struct address_space *mapping)
{
	return mapping->host->i_sb->s_dev;
}

unsigned long shmem_collapse_mapping_ino(struct address_space *mapping)
{
	return mapping->host->i_ino;
}
