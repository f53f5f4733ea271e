// SPDX-License-Identifier: GPL-2.0

//! Parameters of a request.

use crate::support::machine::MemoryNode;
use kernel::time::Delta;

/// The values of the knobs when the request began. A later write does not change a running request.
#[derive(Clone, Copy)]
pub(crate) struct Config {
    /// The maximum number of holes in an extent that is collapsed.
    pub(crate) max_ptes_none: usize,
    /// The maximum number of swapped pages in an extent that is collapsed.
    pub(crate) max_ptes_swap: usize,
    /// Maps the huge page in every process at once, instead of on the next fault.
    pub(crate) map_all: bool,
    /// Reclaims and compacts memory to get a huge page.
    pub(crate) direct_reclaim: bool,
    /// The number of extents that are collapsed in parallel.
    pub(crate) workers: usize,
    /// The node to allocate on. [`None`]: the nodes that have most of the pages.
    pub(crate) target_node: Option<MemoryNode>,
    /// The request is for the caller's own memory. There are no workers, the caller pays for the
    /// huge pages instead of the group that owns most of the pages, and its cpuset applies.
    pub(crate) own: bool,
    /// The time for which extents that are in use are retried after all were tried.
    pub(crate) patience: Delta,
}
