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
#[path = "../../../rust/support/mod.rs"]
mod support;

/// What `module!` would define for the operations of the device.
struct LocalModule;

impl kernel::ModuleMetadata for LocalModule {
    const NAME: &'static kernel::str::CStr = c"harness";
    // SAFETY: Nothing that is made of this crate is ever loaded.
    const THIS_MODULE: kernel::ThisModule =
        unsafe { kernel::ThisModule::from_ptr(core::ptr::null_mut()) };
}
