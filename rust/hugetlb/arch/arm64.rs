// SPDX-License-Identifier: GPL-2.0

//! arm64: leaves, and runs of contiguous entries in PTE and PMD tables.
//!
//! C source: [`arch/arm64/mm/hugetlbpage.c`](srctree/arch/arm64/mm/hugetlbpage.c).

use crate::{
    hugetlb::geometry::{
        Geometry,
        Layout,
        Place, //
    },
    pgtable::level::Level, //
};

/// The contiguous bit groups as many entries as the page size decides.
pub(crate) struct Arm64;

/// Entries in a group of PTEs and of PMDs (`CONT_PTES`, `CONT_PMDS`).
fn contiguous(layout: &Layout) -> (usize, usize) {
    match layout.shift(Level::Pte) {
        12 => (16, 16),
        14 => (128, 32),
        _ => (32, 32),
    }
}

impl Geometry for Arm64 {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        let (ptes, pmds) = contiguous(layout);
        [
            layout.run(Level::Pte, ptes),
            layout.run(Level::Pmd, 1),
            layout.run(Level::Pmd, pmds),
            layout.run(Level::Pud, 1),
        ]
        .into_iter()
        .find(|place| {
            let one = layout.size(place.level);
            one.and_then(|one| one.checked_mul(place.entries)) == Some(size)
        })
    }
}
