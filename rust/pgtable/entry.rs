// SPDX-License-Identifier: GPL-2.0

//! Values of page-table entries.
//!
//! Decoded once, by the architecture's own inlines, into values that can be compared and matched
//! without bit tests.

use crate::bindings;

/// Decodes the `kind` that the C side stored.
macro_rules! kind {
    ($name:ident) => {
        kernel::macros::paste!(
            bindings::[<shmem_collapse_entry_kind_SHMEM_COLLAPSE_ENTRY_ $name>]
        )
    };
}

/// The kinds of values that a pte has.
///
/// C source: [`include/linux/leafops.h`](srctree/include/linux/leafops.h).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PteKind {
    /// Nothing there (`pte_none()`).
    None,
    /// Maps an ordinary page, by its frame.
    Page(usize),
    /// Maps a frame that has no `struct page` to count (`pte_special()`): the zero page, device
    /// memory.
    Special(usize),
    /// A migration entry that names the page frame.
    Migration(usize),
    /// A swap entry.
    Swap,
    /// A marker, which says why nothing is mapped (`PTE_MARKER_UFFD_WP`, `PTE_MARKER_POISONED`,
    /// `PTE_MARKER_GUARD`).
    Marker,
    /// Another entry that is not present: device memory, poisoned page.
    Other,
}

/// The value of a pte at the moment it was read.
///
/// # Examples
///
/// ```ignore
/// fn dirty_pages(table: &PteTable<'_>) -> usize {
///     let mut dirty = 0;
///     table.all(0..pmd_pages(), |_, pte| {
///         dirty += usize::from(pte.page().is_some() && pte.is_dirty());
///         true
///     });
///     dirty
/// }
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Pte(pub(super) bindings::shmem_collapse_entry);

impl Pte {
    /// Returns what the entry says.
    #[inline]
    pub(crate) fn kind(self) -> PteKind {
        match self.0.kind {
            k if k == kind!(NONE) => PteKind::None,
            k if k == kind!(PAGE) => PteKind::Page(self.0.pfn),
            k if k == kind!(SPECIAL) => PteKind::Special(self.0.pfn),
            k if k == kind!(MIGRATION) => PteKind::Migration(self.0.pfn),
            k if k == kind!(SWAP) => PteKind::Swap,
            k if k == kind!(MARKER) => PteKind::Marker,
            _ => PteKind::Other,
        }
    }

    /// Returns whether the entry is none (`pte_none()`).
    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.0.kind == kind!(NONE)
    }

    /// Returns the page frame of a present entry that maps an ordinary page.
    ///
    /// Returns [`None`] for entries that are none, special ones (`pte_special()`), swap and
    /// migration entries and markers.
    #[inline]
    pub(crate) fn page(self) -> Option<usize> {
        (self.0.kind == kind!(PAGE)).then_some(self.0.pfn)
    }
}

#[cfg(view_accessors)]
impl Pte {
    /// Returns whether the entry is one of a run that the hardware may take for one (contpte,
    /// Svnapot).
    #[inline]
    pub(crate) fn is_in_run(self) -> bool {
        self.0.flags & bindings::ENTRY_RUN != 0
    }
}

#[cfg(all_accessors)]
impl Pte {
    /// Returns whether the entry maps memory (`pte_present()`).
    #[inline]
    pub(crate) fn is_present(self) -> bool {
        matches!(self.kind(), PteKind::Page(_) | PteKind::Special(_))
    }

    /// Returns `pte_young()`.
    #[inline]
    pub(crate) fn is_young(self) -> bool {
        self.0.flags & bindings::ENTRY_YOUNG != 0
    }

    /// Returns `pte_dirty()`.
    #[inline]
    pub(crate) fn is_dirty(self) -> bool {
        self.0.flags & bindings::ENTRY_DIRTY != 0
    }

    /// Returns `pte_write()`.
    #[inline]
    pub(crate) fn is_writable(self) -> bool {
        self.0.flags & bindings::ENTRY_WRITE != 0
    }
}

impl From<bindings::shmem_collapse_entry> for Pte {
    #[inline]
    fn from(entry: bindings::shmem_collapse_entry) -> Self {
        Self(entry)
    }
}

/// The value of a pmd entry, or one above, at the moment it was read.
///
/// # Examples
///
/// ```ignore
/// fn is_huge<W: Witness>(slot: &PmdSlot<'_, W>) -> bool {
///     matches!(slot.read_lockless(), Pmd::Huge(_))
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pmd {
    /// Nothing there.
    None,
    /// Points to a PTE table.
    Table,
    /// A present huge mapping of the page frame.
    Huge(usize),
    /// The same of a frame that has no `struct page` to count: the huge zero page, device memory.
    Special(usize),
    /// A migration entry that names the page frame.
    Migration(usize),
    /// Another entry: swap, device-private.
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
            k if k == kind!(SPECIAL) => Pmd::Special(entry.pfn),
            k if k == kind!(MIGRATION) => Pmd::Migration(entry.pfn),
            k if k == kind!(BAD) => Pmd::Bad,
            _ => Pmd::Other,
        }
    }
}
