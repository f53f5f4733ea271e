// SPDX-License-Identifier: GPL-2.0

//! Levels of a page table.

use crate::bindings;

/// A level, named by the entries in its tables.
///
/// A present entry is a *leaf* when it maps memory, and otherwise points to a table of the next
/// level below. Where an architecture folds a level, the one entry of that table is the entry above
/// it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Level {
    /// Entries that map pages.
    Pte,
    /// Entries that point to PTE tables or map huge pages.
    Pmd,
    /// Page upper directory.
    Pud,
    /// Page 4th-level directory.
    P4d,
    /// Page global directory: one table for each address space.
    Pgd,
}

impl Level {
    /// All levels from bottom to top, as in `enum shmem_collapse_level`.
    pub(crate) const ALL: [Self; 5] = [Self::Pte, Self::Pmd, Self::Pud, Self::P4d, Self::Pgd];

    /// Returns the level that the C side names; [`None`] for a number that is none.
    pub(super) fn from_raw(level: u32) -> Option<Self> {
        Self::ALL.get(level as usize).copied()
    }

    /// Returns the kernel's abbreviation.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pte => "pte",
            Self::Pmd => "pmd",
            Self::Pud => "pud",
            Self::P4d => "p4d",
            Self::Pgd => "pgd",
        }
    }

    /// Returns the number of bytes that one entry translates, as a power of two.
    pub(crate) fn shift(self) -> u32 {
        // SAFETY: FFI call without safety requirements.
        unsafe { bindings::level_shift(self as u32) }
    }

    /// Returns the first address behind what the entry for `addr` translates; the last address of
    /// all if there is none.
    pub(crate) fn end_of_entry(self, addr: usize) -> usize {
        let last = 1usize
            .checked_shl(self.shift())
            .map_or(usize::MAX, |size| size - 1);
        (addr | last).saturating_add(1)
    }

    /// Returns the size of a table of this level.
    #[cfg(view_accessors)]
    pub(crate) fn table_bytes(self) -> usize {
        // SAFETY: FFI call without safety requirements.
        unsafe { bindings::table_bytes(self as u32) }
    }

    /// Returns the level that entries of this one point to.
    pub(crate) fn below(self) -> Option<Self> {
        match self {
            Self::Pte => None,
            Self::Pmd => Some(Self::Pte),
            Self::Pud => Some(Self::Pmd),
            Self::P4d => Some(Self::Pud),
            Self::Pgd => Some(Self::P4d),
        }
    }

    /// Returns the level whose entries point to tables of this one.
    #[cfg(view_accessors)]
    pub(crate) fn above(self) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.below() == Some(self))
    }
}
