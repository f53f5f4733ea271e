// SPDX-License-Identifier: GPL-2.0

//! Which size stands where.

use crate::pgtable::Level;

/// How much one entry of each level translates, as powers of two of bytes.
///
/// # Invariants
///
/// From PTE to PGD, none is smaller than the one before; levels that are folded
/// have that of the level above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout([u32; 5]);

impl Layout {
    /// `PAGE_SHIFT`, `PMD_SHIFT`, `PUD_SHIFT`, `P4D_SHIFT` and `PGDIR_SHIFT`.
    pub(crate) const fn new(shifts: [u32; 5]) -> Self {
        // INVARIANT: These are constants of an architecture.
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

    /// Bytes that one entry of a level translates, if that many have a number.
    pub(crate) fn size(&self, level: Level) -> Option<usize> {
        1usize.checked_shl(self.shift(level))
    }

    /// The place of a size that one entry of a level translates, or a run of
    /// `entries` of them.
    pub(crate) fn run(&self, level: Level, entries: usize) -> Place {
        Place { level, entries }
    }

    /// The highest of `levels` whose entries do not translate more than `size`,
    /// with as many entries as it takes.
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
    /// Where pages of `size` stand; [`None`] for a size that there is not.
    fn place(layout: &Layout, size: usize) -> Option<Place>;

    /// The address under which the tables have the page around `addr`.
    fn table_address(_layout: &Layout, size: usize, addr: usize) -> usize {
        addr & !(size - 1)
    }
}
