// SPDX-License-Identifier: GPL-2.0

//! The module's page-table layer with one program on top, for
//! `scripts/compile-fail.sh`. The script names the program.

#![allow(dead_code, unused_imports)]
#![deny(unused_must_use)]

#[path = "../../../rust/bindings/mod.rs"]
mod bindings;
#[cfg(CONFIG_HUGETLB_PAGE)]
#[path = "../../../rust/hugetlb/mod.rs"]
mod hugetlb;
#[path = "../../../rust/mm/mod.rs"]
mod mm;
#[path = "../../../rust/pgtable/mod.rs"]
mod pgtable;

#[path = "programs/PROGRAM.rs"]
mod program;
