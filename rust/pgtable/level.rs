// SPDX-License-Identifier: GPL-2.0

//! Levels of a page table.

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
    #[cfg(all_accessors)]
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
}
