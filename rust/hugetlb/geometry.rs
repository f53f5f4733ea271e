// SPDX-License-Identifier: GPL-2.0

//! The level and number of entries of each page size.

use crate::pgtable::level::Level;

/// The number of bytes that one entry of each level translates, as powers of two.
///
/// From PTE to PGD, none is smaller than the one before; a folded level has that of the level
/// above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout([u32; 5]);

impl Layout {
    /// Makes a layout of `PAGE_SHIFT`, `PMD_SHIFT`, `PUD_SHIFT`, `P4D_SHIFT` and `PGDIR_SHIFT`.
    pub(crate) const fn new(shifts: [u32; 5]) -> Self {
        Self(shifts)
    }

    /// Returns the shift of a level.
    pub(crate) fn shift(&self, level: Level) -> u32 {
        let [pte, pmd, pud, p4d, pgd] = self.0;
        match level {
            Level::Pte => pte,
            Level::Pmd => pmd,
            Level::Pud => pud,
            Level::P4d => p4d,
            Level::Pgd => pgd,
        }
    }

    /// Returns the number of bytes that one entry of a level translates, if it fits.
    pub(crate) fn size(&self, level: Level) -> Option<usize> {
        1usize.checked_shl(self.shift(level))
    }

    /// Returns the place of a size that `entries` entries of a level translate.
    pub(crate) fn run(&self, level: Level, entries: usize) -> Place {
        Place { level, entries }
    }

    /// Returns the highest of `levels` whose entries do not translate more than `size`, with as
    /// many entries as it takes.
    #[cfg(any(CONFIG_PPC, all(all_accessors, CONFIG_64BIT)))]
    pub(crate) fn fill(&self, levels: &[Level], size: usize) -> Option<Place> {
        let fits = |level: &&Level| self.size(**level).is_some_and(|one| one <= size);
        let level = *levels.iter().filter(fits).max()?;
        Some(self.run(level, size >> self.shift(level)))
    }
}

/// The place of a hugetlb page: at which level, in how many contiguous entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// The level.
    pub(crate) level: Level,
    /// The number of entries that repeat the page.
    pub(crate) entries: usize,
}

/// The places of an architecture's hugetlb pages.
///
/// # Examples
///
/// ```ignore
/// struct OnlyPmd;
///
/// impl Geometry for OnlyPmd {
///     fn place(layout: &Layout, size: usize) -> Option<Place> {
///         (Some(size) == layout.size(Level::Pmd)).then(|| layout.run(Level::Pmd, 1))
///     }
/// }
/// ```
pub(crate) trait Geometry {
    /// Returns the place of pages of `size`; [`None`] if there is no such size.
    fn place(layout: &Layout, size: usize) -> Option<Place>;

    /// Returns the address under which the tables have the page around `addr`.
    fn table_address(_layout: &Layout, size: usize, addr: usize) -> usize {
        addr & !(size - 1)
    }
}
