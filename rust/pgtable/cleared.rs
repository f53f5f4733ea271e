// SPDX-License-Identifier: GPL-2.0

//! The debt that clearing an entry leaves.

use super::Pte;

/// An entry that mapped a page until it was cleared.
///
/// The page's rmap and reference for that mapping are still counted: whoever
/// gets this value takes them off, once. So it cannot be copied, and nothing
/// else makes one.
///
/// # Invariants
///
/// The entry was present, mapped `pfn`, and is gone.
#[must_use = "the page still counts the mapping"]
pub(crate) struct Cleared {
    pfn: usize,
    dirty: bool,
}

impl Cleared {
    /// [`None`] if the entry, which the caller has taken away, mapped no page.
    pub(super) fn new(gone: Pte) -> Option<Self> {
        // INVARIANT: Taken away by the caller.
        gone.page().map(|pfn| Self {
            pfn,
            dirty: gone.is_dirty(),
        })
    }

    /// Whether hardware wrote through the entry.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Takes the debt over; returns the page frame.
    pub(crate) fn into_page(self) -> usize {
        self.pfn
    }
}
