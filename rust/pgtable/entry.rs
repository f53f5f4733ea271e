// SPDX-License-Identifier: GPL-2.0

//! Values of page-table entries.
//!
//! Decoded once, by the architecture's own inlines, into values that can be
//! compared and matched without bit tests.

use crate::bindings;

/// Decodes the `kind` that the C side stored.
macro_rules! kind {
    ($name:ident) => {
        kernel::macros::paste!(
            bindings::[<shmem_collapse_entry_kind_SHMEM_COLLAPSE_ENTRY_ $name>]
        )
    };
}

/// The value of a pte at the moment it was read.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Pte(pub(super) bindings::shmem_collapse_entry);

impl Pte {
    /// `pte_none()`: nothing there.
    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.0.kind == kind!(NONE)
    }

    /// The page frame of a present entry that maps an ordinary page.
    ///
    /// [`None`] for empty entries, special ones (`pte_special()`), swap and
    /// migration entries and markers.
    #[inline]
    pub(crate) fn page(self) -> Option<usize> {
        (self.0.kind == kind!(PAGE)).then_some(self.0.pfn)
    }

    /// `pte_dirty()`.
    #[inline]
    pub(crate) fn is_dirty(self) -> bool {
        self.0.flags & bindings::ENTRY_DIRTY != 0
    }

    /// Accessed, dirty, soft-dirty and write bits of a present entry.
    #[inline]
    pub(super) fn flags(self) -> u32 {
        self.0.flags
    }
}

/// The value of a pmd entry at the moment it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pmd {
    /// Nothing there.
    None,
    /// Points to a PTE table.
    Table,
    /// A present huge mapping of the page frame.
    Huge(usize),
    /// A migration entry that names the page frame.
    Migration(usize),
    /// Another entry: special, swap, device-private.
    Other,
    /// Not a valid entry (`pmd_bad()`).
    Bad,
}

impl From<bindings::shmem_collapse_entry> for Pmd {
    #[inline]
    fn from(entry: bindings::shmem_collapse_entry) -> Self {
        match entry.kind {
            k if k == kind!(NONE) => Pmd::None,
            k if k == kind!(TABLE) => Pmd::Table,
            k if k == kind!(PAGE) => Pmd::Huge(entry.pfn),
            k if k == kind!(MIGRATION) => Pmd::Migration(entry.pfn),
            k if k == kind!(BAD) => Pmd::Bad,
            _ => Pmd::Other,
        }
    }
}
