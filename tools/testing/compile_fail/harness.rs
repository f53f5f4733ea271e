// SPDX-License-Identifier: GPL-2.0

//! The module's page-table layer, for `scripts/compile-fail.sh`, which puts the
//! programs on top.

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
