// SPDX-License-Identifier: GPL-2.0

//! powerpc: every size is at the highest level whose entries are not larger, in as many entries as
//! it takes.
//!
//! C source: [`arch/powerpc/mm/hugetlbpage.c`](srctree/arch/powerpc/mm/hugetlbpage.c).

use crate::{
    hugetlb::geometry::{
        Geometry,
        Layout,
        Place, //
    },
    pgtable::level::Level, //
};

/// 2 MiB and 1 GiB with the radix MMU, 16 MiB and 16 GiB with the hash MMU, runs of entries on
/// smaller processors.
pub(crate) struct Powerpc;

impl Geometry for Powerpc {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        if Some(size) <= layout.size(Level::Pte) || !size.is_power_of_two() {
            return None;
        }
        layout.fill(&[Level::Pte, Level::Pmd, Level::Pud, Level::P4d], size)
    }
}
