// SPDX-License-Identifier: GPL-2.0

//! ia64, parisc, sh and sparc, as data for the tests of the walker.
//!
//! None of them can run this module: ia64 left Linux with version 6.7, and Rust for Linux has no
//! support for the other three. Their huge pages have PTEs, as on arm64 and riscv, so the walker is
//! tested with them too.

use crate::{
    hugetlb::geometry::{
        Geometry,
        Layout,
        Place, //
    },
    pgtable::level::Level, //
};

/// A region of the address space has huge pages only, and its tables count in them: one PTE for
/// each, at the address divided by the ratio of the sizes.
pub(crate) struct Ia64;

/// The bits of an address that say which region it is in.
const IA64_REGION: usize = !(usize::MAX >> 3);

impl Geometry for Ia64 {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        (Some(size) > layout.size(Level::Pte)).then(|| layout.run(Level::Pte, 1))
    }

    fn table_address(layout: &Layout, size: usize, addr: usize) -> usize {
        let scale = size.trailing_zeros() - layout.shift(Level::Pte);
        let page = (addr & !IA64_REGION) >> scale;
        addr & IA64_REGION | page & !((1 << layout.shift(Level::Pte)) - 1)
    }
}

/// One size, that of a pmd entry, written out as PTEs.
pub(crate) struct Parisc;

impl Geometry for Parisc {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        (Some(size) == layout.size(Level::Pmd))
            .then(|| layout.run(Level::Pte, size >> layout.shift(Level::Pte)))
    }
}

/// One size from the configuration, in the PTE of its first page.
pub(crate) struct Sh;

impl Geometry for Sh {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        matches!(size.trailing_zeros(), 16 | 18 | 20 | 22 | 26).then(|| layout.run(Level::Pte, 1))
    }
}

/// 64 KiB in PTEs, 8 MiB, 256 MiB and 2 GiB in PMDs, 16 GiB in PUDs.
pub(crate) struct Sparc;

impl Geometry for Sparc {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        if !matches!(size.trailing_zeros(), 16 | 23 | 28 | 31 | 34) {
            return None;
        }
        layout.fill(&[Level::Pte, Level::Pmd, Level::Pud], size)
    }
}
