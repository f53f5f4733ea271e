// SPDX-License-Identifier: GPL-2.0

//! How a request is to be carried out.

use crate::support::machine::MemoryNode;
use kernel::time::Delta;

/// The knobs as they were when the request began: a later write does not change a running request.
#[derive(Clone, Copy)]
pub(crate) struct Config {
    /// Holes an extent may have and still be collapsed.
    pub(crate) max_ptes_none: usize,
    /// Swapped pages an extent may have and still be collapsed.
    pub(crate) max_ptes_swap: usize,
    /// Map the huge page in every process at once, rather than let each fault.
    pub(crate) map_all: bool,
    /// Reclaim and compact memory to get a huge page.
    pub(crate) direct_reclaim: bool,
    /// Extents worked on side by side.
    pub(crate) workers: usize,
    /// Node to allocate on; those where most of the pages are if `None`.
    pub(crate) target_node: Option<MemoryNode>,
    /// A process asks for its own memory, without workers: it pays for the huge pages, and not the
    /// group that owns more of the pages than any other, and its cpuset holds.
    pub(crate) own: bool,
    /// How long to go on with extents that are in use after all were tried.
    pub(crate) patience: Delta,
}
