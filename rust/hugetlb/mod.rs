// SPDX-License-Identifier: GPL-2.0

//! Page-table entries of hugetlb pages.
//!
//! A hugetlb page of one size has its entry, or its run of contiguous entries,
//! at one level of the page table, which the architecture decides. So there is
//! one walker, in [`walker`], and one [`Geometry`] for each architecture, in
//! [`arch`].
//!
//! Where a size stands at the PTE level, the table is reached by
//! `pte_offset_huge()`: hugetlb never has tables in high memory, and its lock
//! keeps them in place, so nothing is mapped and no unmap is owed. A
//! [`HugeSlot`] therefore has no destructor that anybody could forget to run;
//! the accessors of `pgtable` refuse hugetlb mappings in turn.
//!
//! ```text
//! VmaRef         the VMA is held
//!   HugetlbVma   no table of it is unshared          (hugetlb VMA lock)
//!     HugeSlot   where the entry of one page stands  (nothing to unmap)
//!       HugePte  what it said                        (read under its lock)
//! ```

// The layer stands alone: allocation and the other architectures' geometries are
// used by tests only.
#![allow(dead_code, unused_imports)]

pub(crate) mod arch;
mod geometry;
#[cfg(all(CONFIG_KUNIT = "y", CONFIG_64BIT))]
mod geometry_tests;
mod live;
mod walker;

pub(crate) use self::{
    geometry::{
        Geometry,
        Layout,
        Place, //
    },
    live::{
        layout,
        HugePte,
        HugeSlot,
        HugetlbVma,
        TableEntry, //
    },
    walker::{
        walk,
        Tables, //
    },
};
