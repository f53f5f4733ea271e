// SPDX-License-Identifier: GPL-2.0

//! Regions of kernel addresses.

use crate::bindings;
use core::ops::Range;

/// A region of kernel addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Region {
    /// The direct map of all memory.
    Direct,
    /// The addresses of `vmalloc()` and `ioremap()`.
    Vmalloc,
    /// Modules, where they have addresses of their own.
    Modules,
}

impl Region {
    /// All regions, as in `enum shmem_collapse_region`.
    pub(crate) const ALL: [Self; 3] = [Self::Direct, Self::Vmalloc, Self::Modules];

    /// Returns the name of the region.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct_map",
            Self::Vmalloc => "vmalloc",
            Self::Modules => "modules",
        }
    }

    /// Returns the addresses of the region; [`None`] where the architecture has none such in its
    /// page tables.
    pub(crate) fn range(self) -> Option<Range<usize>> {
        let (mut start, mut end) = (0, 0);
        // SAFETY: Both outputs are valid.
        let found = unsafe { bindings::kernel_region(self as u32, &mut start, &mut end) };
        found.then_some(start..end)
    }
}
