// SPDX-License-Identifier: GPL-2.0

//! riscv: leaves, and 64 KiB in a naturally aligned power-of-two run of PTEs (Svnapot).
//!
//! C source: [`arch/riscv/mm/hugetlbpage.c`](srctree/arch/riscv/mm/hugetlbpage.c).

use crate::{
    hugetlb::geometry::{
        Geometry,
        Layout,
        Place, //
    },
    pgtable::level::Level, //
};

/// The one size that the extension defines (`NAPOT_CONT64KB_ORDER`).
const NAPOT_SIZE: usize = 64 << 10;

/// Leaves of PUD and PMD size and NAPOT runs.
pub(crate) struct Riscv;

impl Geometry for Riscv {
    fn place(layout: &Layout, size: usize) -> Option<Place> {
        if size == NAPOT_SIZE {
            return Some(layout.run(Level::Pte, size >> layout.shift(Level::Pte)));
        }
        [Level::Pmd, Level::Pud]
            .into_iter()
            .find(|&level| layout.size(level) == Some(size))
            .map(|level| layout.run(level, 1))
    }
}
