// SPDX-License-Identifier: GPL-2.0

//! Page-table entries of hugetlb pages.
//!
//! The architecture decides at which level of the page table a hugetlb page of one size has its
//! entry, or its run of contiguous entries. So there is one walker, in [`walker`], and one
//! [`Geometry`](geometry::Geometry) for each architecture, in [`arch`].
//!
//! At the PTE level, the table is reached by `pte_offset_huge()`: hugetlb never has tables in high
//! memory, and its lock keeps them, so nothing is mapped or unmapped. A `HugeSlot` therefore has no
//! destructor that could be forgotten; the accessors of `pgtable` refuse hugetlb mappings in turn.
//!
//! ```text
//! VmaRef           the VMA is held
//!   HugetlbVma     no table of it is unshared           (hugetlb VMA lock)
//!     TableEntry   an entry on the way, with its level  (nothing to unmap)
//!     HugeSlot     the place of the entry of one page   (nothing to unmap)
//!       Pte        its value                            (read under its lock)
//! ```

#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub(crate) mod arch;
pub(crate) mod geometry;
#[cfg(all(CONFIG_KUNIT = "y", CONFIG_64BIT))]
mod geometry_tests;
pub(crate) mod live;
pub(crate) mod walker;
