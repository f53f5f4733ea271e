// SPDX-License-Identifier: GPL-2.0

//! KUnit suite: every geometry, and the walker over each of them.

use super::{
    geometry::{
        Geometry,
        Layout, //
    },
    walker::{
        walk,
        Tables, //
    },
};
use crate::pgtable::level::Level;
use kernel::prelude::kunit_tests;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// 4 KiB pages and 512 entries in each table, as on most 64-bit machines.
const COMMON: Layout = Layout::new([12, 21, 30, 39, 39]);
/// arm64 with larger pages.
const PAGES_16K: Layout = Layout::new([14, 25, 36, 47, 47]);
const PAGES_64K: Layout = Layout::new([16, 29, 42, 42, 42]);
/// powerpc with the radix MMU and 64 KiB pages, and a small one with 4 KiB.
const RADIX_64K: Layout = Layout::new([16, 21, 30, 39, 39]);
const TWO_LEVELS: Layout = Layout::new([12, 22, 22, 22, 22]);
/// sparc: 8 KiB pages.
const PAGES_8K: Layout = Layout::new([13, 23, 33, 43, 43]);
/// ia64: 16 KiB pages.
const IA64: Layout = Layout::new([14, 25, 36, 36, 36]);

/// Tables in which every address has everything.
struct Full;

impl Tables for Full {
    /// Level and address.
    type Entry<'t> = (Level, usize);

    fn top(&self, addr: usize) -> Option<(Level, usize)> {
        Some((Level::Pgd, addr))
    }

    fn below<'t>(&'t self, (level, addr): (Level, usize)) -> Option<(Level, usize)> {
        level.below().map(|below| (below, addr))
    }
}

/// Tables that end at a level: entries of it point to nothing.
struct EndsAt(Level);

impl Tables for EndsAt {
    type Entry<'t> = Level;

    fn top(&self, _addr: usize) -> Option<Level> {
        Some(Level::Pgd)
    }

    fn below<'t>(&'t self, level: Level) -> Option<Level> {
        level.below().filter(|_| level > self.0)
    }
}

/// Returns whether pages of `size` are at `level` in `entries` entries, and the walk from anywhere
/// in such a page ends there, at its start.
fn stands<G: Geometry>(layout: &Layout, size: usize, level: Level, entries: usize) -> bool {
    let base = 5 * size;
    let found = |addr| walk::<G, _>(&Full, layout, size, addr);
    let start = G::table_address(layout, size, base);
    G::place(layout, size) == Some(layout.run(level, entries))
        && found(base) == Some((level, start))
        && found(base + size / 2) == Some((level, start))
        && found(base + size - 1) == Some((level, start))
        && found(base + size) != Some((level, start))
}

#[kunit_tests(shmem_collapse_hugetlb)]
mod tests {
    use super::{
        super::{
            arch::{
                Arm64,
                Ia64,
                Leaf,
                Native,
                Parisc,
                Powerpc,
                Riscv,
                Sh,
                Sparc, //
            },
            live::layout, //
        },
        *, //
    };

    #[test]
    fn arm64_pages_of_4k() {
        assert!(stands::<Arm64>(&COMMON, 64 * KIB, Level::Pte, 16));
        assert!(stands::<Arm64>(&COMMON, 2 * MIB, Level::Pmd, 1));
        assert!(stands::<Arm64>(&COMMON, 32 * MIB, Level::Pmd, 16));
        assert!(stands::<Arm64>(&COMMON, GIB, Level::Pud, 1));
        assert!(Arm64::place(&COMMON, 128 * KIB).is_none());
    }

    #[test]
    fn arm64_larger_pages() {
        assert!(stands::<Arm64>(&PAGES_16K, 2 * MIB, Level::Pte, 128));
        assert!(stands::<Arm64>(&PAGES_16K, 32 * MIB, Level::Pmd, 1));
        assert!(stands::<Arm64>(&PAGES_16K, GIB, Level::Pmd, 32));
        assert!(stands::<Arm64>(&PAGES_64K, 2 * MIB, Level::Pte, 32));
        assert!(stands::<Arm64>(&PAGES_64K, 512 * MIB, Level::Pmd, 1));
        assert!(stands::<Arm64>(&PAGES_64K, 16 * GIB, Level::Pmd, 32));
    }

    #[test]
    fn riscv() {
        assert!(stands::<Riscv>(&COMMON, 64 * KIB, Level::Pte, 16));
        assert!(stands::<Riscv>(&COMMON, 2 * MIB, Level::Pmd, 1));
        assert!(stands::<Riscv>(&COMMON, GIB, Level::Pud, 1));
        assert!(Riscv::place(&COMMON, 32 * MIB).is_none());
    }

    #[test]
    fn powerpc() {
        assert!(stands::<Powerpc>(&RADIX_64K, 2 * MIB, Level::Pmd, 1));
        assert!(stands::<Powerpc>(&RADIX_64K, GIB, Level::Pud, 1));
        assert!(stands::<Powerpc>(&TWO_LEVELS, 16 * KIB, Level::Pte, 4));
        assert!(stands::<Powerpc>(&TWO_LEVELS, 512 * KIB, Level::Pte, 128));
        assert!(Powerpc::place(&COMMON, 4 * KIB).is_none());
    }

    #[test]
    fn ia64() {
        assert!(stands::<Ia64>(&IA64, 256 * MIB, Level::Pte, 1));
        // Neighbours in the region are neighbours in the table.
        let first = Ia64::table_address(&IA64, 256 * MIB, 0);
        let second = Ia64::table_address(&IA64, 256 * MIB, 256 * MIB);
        assert_eq!(second - first, 16 * KIB);
        // The region stays.
        let region = 4 << 61;
        assert_eq!(Ia64::table_address(&IA64, 256 * MIB, region), region);
    }

    #[test]
    fn parisc() {
        assert!(stands::<Parisc>(&COMMON, 2 * MIB, Level::Pte, 512));
        assert!(Parisc::place(&COMMON, 4 * MIB).is_none());
    }

    #[test]
    fn sh() {
        for size in [64 * KIB, 256 * KIB, MIB, 4 * MIB, 64 * MIB] {
            assert!(stands::<Sh>(&TWO_LEVELS, size, Level::Pte, 1));
        }
        assert!(Sh::place(&TWO_LEVELS, 2 * MIB).is_none());
    }

    #[test]
    fn sparc() {
        assert!(stands::<Sparc>(&PAGES_8K, 64 * KIB, Level::Pte, 8));
        assert!(stands::<Sparc>(&PAGES_8K, 8 * MIB, Level::Pmd, 1));
        assert!(stands::<Sparc>(&PAGES_8K, 256 * MIB, Level::Pmd, 32));
        assert!(stands::<Sparc>(&PAGES_8K, 2 * GIB, Level::Pmd, 256));
        assert!(stands::<Sparc>(&PAGES_8K, 16 * GIB, Level::Pud, 2));
    }

    #[test]
    fn leaves_only() {
        assert!(stands::<Leaf>(&COMMON, 2 * MIB, Level::Pmd, 1));
        assert!(stands::<Leaf>(&COMMON, GIB, Level::Pud, 1));
        assert!(Leaf::place(&COMMON, 64 * KIB).is_none());
        assert!(Leaf::place(&COMMON, 4 * KIB).is_none());
    }

    #[test]
    fn a_missing_table_ends_the_walk() {
        let size = 64 * KIB;
        for level in [Level::Pmd, Level::Pud, Level::P4d, Level::Pgd] {
            assert!(walk::<Arm64, _>(&EndsAt(level), &COMMON, size, 0).is_none());
        }
        // What the last entry says is not the walk's business.
        assert!(walk::<Arm64, _>(&EndsAt(Level::Pte), &COMMON, size, 0).is_some());
        assert!(walk::<Arm64, _>(&EndsAt(Level::Pmd), &COMMON, 2 * MIB, 0).is_some());
    }

    #[test]
    fn this_kernel_has_its_layout() {
        let layout = layout();
        assert_eq!(layout.size(Level::Pte), Some(kernel::page::PAGE_SIZE));
        assert_eq!(
            layout.size(Level::Pmd),
            Some(crate::pgtable::pmd_size::pmd_size())
        );
        assert!(layout.shift(Level::Pud) >= layout.shift(Level::Pmd));
        assert!(layout.shift(Level::P4d) >= layout.shift(Level::Pud));
        assert!(layout.shift(Level::Pgd) >= layout.shift(Level::P4d));
        let place = Native::place(&layout, crate::pgtable::pmd_size::pmd_size());
        assert_eq!(place, Some(layout.run(Level::Pmd, 1)));
    }
}
