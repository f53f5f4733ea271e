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
    /// A process asks for its own memory, without workers: it pays for the huge pages, and not the
    /// group that owns more of the pages than any other, and its cpuset holds.
    pub(crate) own: bool,
    /// How long to go on with extents that are in use after all were tried.
    pub(crate) patience: Delta,
}
