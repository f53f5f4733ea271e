// SPDX-License-Identifier: GPL-2.0

//! x86, s390, loongarch and arm: hugetlb pages are single leaves above the PTE level, so no PTE
//! table is involved.
//!
//! C source: `huge_pte_offset()` in [`mm/hugetlb.c`](srctree/mm/hugetlb.c).

use crate::{
    hugetlb::geometry::{
        Geometry,
        Layout,
        Place, //
    },
    pgtable::level::Level, //
};

/// Leaves of PMD and PUD size.
pub(crate) struct Leaf;

impl Geometry for Leaf {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        [Level::Pmd, Level::Pud]
            .into_iter()
            .find(|&level| layout.size(level) == Some(size))
            .map(|level| layout.run(level, 1))
    }
}
