// SPDX-License-Identifier: GPL-2.0

//! The debt that clearing an entry leaves.

use super::entry::Pte;
use core::ops::Range;
use kernel::prelude::*;

/// An entry that mapped a page until it was cleared.
///
/// The page's rmap and reference for that mapping are still counted: whoever
/// gets this value takes them off, once. So it cannot be copied, and nothing
/// else makes one.
///
/// # Invariants
///
/// The entry was present, mapped an ordinary page, and is gone.
#[must_use = "the page still counts the mapping"]
pub(crate) struct Cleared(Pte);

impl Cleared {
    /// [`None`] if the entry, which the caller has taken away, mapped no page.
    pub(super) fn new(gone: Pte) -> Option<Self> {
        // INVARIANT: Taken away by the caller.
        gone.page().map(|_| Self(gone))
    }

    /// Returns whether hardware wrote through the entry.
    #[cfg(all_accessors)]
    pub(crate) fn is_dirty(&self) -> bool {
        self.0.is_dirty()
    }

    /// Takes the debt over; returns the page frame.
    pub(crate) fn into_page(self) -> usize {
        self.0 .0.pfn
    }
}

/// The same for neighbouring entries of a table that was taken out as a whole.
///
/// # Invariants
///
/// Where a bit of `pages` is set, the entry `first` plus its number was present,
/// mapped what [`MappedPages::frames`] had there, and is gone.
#[must_use = "the pages still count the mappings"]
pub(crate) struct ClearedRun {
    first: usize,
    pages: u64,
}

impl ClearedRun {
    /// The most entries of a run. A run begins at a multiple of this.
    pub(crate) const LEN: usize = u64::BITS as usize;

    /// The caller takes away `pages`, which were checked.
    pub(super) fn new(first: usize, pages: u64) -> Self {
        // INVARIANT: By the description above.
        Self { first, pages }
    }

    /// The index of the first entry.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// Whether all entries that a run can have mapped a page.
    pub(crate) fn is_whole(&self) -> bool {
        self.pages == u64::MAX
    }

    /// Takes the debts over; returns the indices of the entries, in stretches.
    pub(crate) fn into_stretches(self) -> impl Iterator<Item = Range<usize>> {
        let (first, mut pages) = (self.first, self.pages);
        core::iter::from_fn(move || {
            (pages != 0).then(|| {
                let start = pages.trailing_zeros();
                let len = (pages >> start).trailing_ones();
                pages &= !(u64::MAX >> (u64::BITS - len) << start);
                first + start as usize..first + (start + len) as usize
            })
        })
    }
}

/// Pages that a table may map: who takes over their debts when it is gone.
pub(crate) trait MappedPages {
    /// The page frames that belong at the indices of the table, or one that no
    /// page has; entries behind the end shall be none.
    fn frames(&self) -> &[usize];

    /// Takes debts over. Context: under the PTE lock.
    fn settle(&mut self, run: ClearedRun);
}

#[kunit_tests(shmem_collapse_pgtable_cleared)]
mod tests {
    use super::super::cleared::ClearedRun;

    fn same_bits(first: usize, pages: u64) -> bool {
        let mut seen = 0u64;
        let mut last = None;
        for stretch in ClearedRun::new(first, pages).into_stretches() {
            // Not empty, in order, and not to be joined with the one before.
            if stretch.is_empty() || last.is_some_and(|end| stretch.start <= end) {
                return false;
            }
            last = Some(stretch.end);
            for at in stretch {
                seen |= 1 << (at - first);
            }
        }
        seen == pages
    }

    #[test]
    fn stretches_are_the_pages_of_a_run() {
        for pages in [0, 1, 1 << 63, 1 << 63 | 1, u64::MAX, u64::MAX - 1] {
            assert!(same_bits(64, pages));
        }
        let mut pages = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..1000 {
            // xorshift64
            pages ^= pages << 13;
            pages ^= pages >> 7;
            pages ^= pages << 17;
            assert!(same_bits(0, pages));
            assert!(same_bits(448, pages & pages.rotate_left(1)));
        }
        assert!(ClearedRun::new(0, u64::MAX).is_whole());
        assert!(!ClearedRun::new(0, u64::MAX - 1).is_whole());
    }
}
