// SPDX-License-Identifier: GPL-2.0

//! Indices of PTE tables, checked once.

use super::pmd_size::pmd_pages;
#[cfg(all_accessors)]
use core::ops::Range;
use kernel::{
    page::PAGE_SIZE,
    prelude::kunit_tests, //
};

/// The index of an entry in a PTE table.
///
/// Entries are read and changed with locks held, where nothing may panic. So an index is checked
/// when it is made and not when it is used.
///
/// C source: `pte_index()` in [`include/linux/pgtable.h`](srctree/include/linux/pgtable.h).
///
/// # Invariants
///
/// The index is less than the number of entries in a PTE table.
///
/// # Examples
///
/// ```ignore
/// fn maps_a_page<W: Witness>(slot: &mut PmdSlot<'_, W>, addr: usize) -> Option<bool> {
///     Some(slot.map()?.read(PteIndex::of(addr)).page().is_some())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PteIndex(usize);

impl PteIndex {
    /// Checks an index; returns [`None`] if tables end before it.
    #[inline]
    pub(crate) fn new(index: usize) -> Option<Self> {
        // INVARIANT: Checked here.
        (index < pmd_pages()).then_some(Self(index))
    }

    /// Returns the index of the entry that translates `addr` (`pte_index()`).
    #[inline]
    pub(crate) fn of(addr: usize) -> Self {
        // INVARIANT: The number of entries is a power of two.
        Self((addr / PAGE_SIZE) & (pmd_pages() - 1))
    }

    /// Iterates over the indices in `range` that tables have.
    #[cfg(all_accessors)]
    #[inline]
    pub(crate) fn range(range: Range<usize>) -> impl Iterator<Item = Self> {
        // INVARIANT: The range ends where tables end.
        (range.start..range.end.min(pmd_pages())).map(Self)
    }

    /// Returns the index as a number.
    #[inline]
    pub(crate) fn get(self) -> usize {
        self.0
    }

    /// Returns the address that the entry translates in the table for `base`.
    #[cfg(all_accessors)]
    #[inline]
    pub(super) fn address(self, base: usize) -> usize {
        base + self.0 * PAGE_SIZE
    }
}

#[cfg(all_accessors)]
impl PteIndex {
    /// The index of the first entry, which every table has.
    pub(crate) const FIRST: Self = Self(0);
}

#[kunit_tests(shmem_collapse_pgtable_index)]
mod tests {
    use super::{
        super::pmd_size::pmd_size,
        *, //
    };

    #[test]
    fn indices_end_where_tables_end() {
        let last = pmd_pages() - 1;
        assert_eq!(PteIndex::new(0), Some(PteIndex::FIRST));
        assert_eq!(PteIndex::new(last).map(PteIndex::get), Some(last));
        assert_eq!(PteIndex::new(last + 1), None);
        assert_eq!(PteIndex::new(usize::MAX), None);
        assert_eq!(PteIndex::range(0..usize::MAX).count(), last + 1);
        assert_eq!(PteIndex::range(last..last + 2).count(), 1);
        assert_eq!(PteIndex::range(last + 1..usize::MAX).count(), 0);
    }

    #[test]
    fn every_address_has_an_index() {
        for page in [0, 1, pmd_pages() - 1] {
            for base in [0, pmd_size(), 7 * pmd_size()] {
                let index = PteIndex::of(base + page * PAGE_SIZE);
                assert_eq!(index.get(), page);
                assert_eq!(index.address(base), base + page * PAGE_SIZE);
            }
        }
        assert_eq!(PteIndex::of(usize::MAX).get(), pmd_pages() - 1);
        assert_eq!(PteIndex::of(PAGE_SIZE - 1), PteIndex::FIRST);
    }
}
