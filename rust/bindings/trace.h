/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoint shmem_collapse:shmem_collapse_extent. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shmem_collapse

#if !defined(SHMEM_COLLAPSE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SHMEM_COLLAPSE_TRACE_H

#include <linux/kdev_t.h>
#include <linux/tracepoint.h>

#include "helpers.h"

TRACE_EVENT(shmem_collapse_extent,

	TP_PROTO(const struct shmem_collapse_report *r),

	TP_ARGS(r),

	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(unsigned long, ino)
		__field(unsigned long, index)
		__field(pid_t, pid)
		__string_len(outcome, r->outcome, r->outcome_len)
		__field(unsigned int, holes)
		__field(unsigned int, swapped)
		__field(unsigned int, vmas)
		__field(unsigned int, pmds_mapped)
		__field(unsigned int, page_tables_freed)
		__field(u64, gather_ns)
		__field(u64, unmap_ns)
		__field(u64, copy_ns)
		__field(u64, commit_ns)
		__field(u64, map_ns)
		__field(u64, extents)
	),

	TP_fast_assign(
		__entry->dev = r->dev;
		__entry->ino = r->ino;
		__entry->index = r->index;
		__entry->pid = r->pid;
		__assign_str(outcome);
		__entry->holes = r->holes;
		__entry->swapped = r->swapped;
		__entry->vmas = r->vmas;
		__entry->pmds_mapped = r->pmds_mapped;
		__entry->page_tables_freed = r->page_tables_freed;
		__entry->gather_ns = r->gather_ns;
		__entry->unmap_ns = r->unmap_ns;
		__entry->copy_ns = r->copy_ns;
		__entry->commit_ns = r->commit_ns;
		__entry->map_ns = r->map_ns;
		__entry->extents = r->extents;
	),

	TP_printk("dev=%d:%d ino=%lu index=%lu pid=%d outcome=%s holes=%u swapped=%u vmas=%u pmds_mapped=%u page_tables_freed=%u gather_ns=%llu unmap_ns=%llu copy_ns=%llu commit_ns=%llu map_ns=%llu extents=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino,
		  __entry->index, __entry->pid, __get_str(outcome),
		  __entry->holes, __entry->swapped, __entry->vmas,
		  __entry->pmds_mapped, __entry->page_tables_freed,
		  __entry->gather_ns, __entry->unmap_ns, __entry->copy_ns,
		  __entry->commit_ns, __entry->map_ns, __entry->extents)
);

#endif /* SHMEM_COLLAPSE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
