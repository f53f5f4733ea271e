// SPDX-License-Identifier: GPL-2.0
// Rule 07: a type claims to hold the tables and promises nothing.
// error: E0200
// message: the trait `Witness` requires an `unsafe impl` declaration

use crate::{
    bindings,
    pgtable::witness::Witness, //
};
use core::ptr::NonNull;

struct Unlocked(NonNull<bindings::vm_area_struct>);

impl Witness for Unlocked {
    fn vma(&self) -> NonNull<bindings::vm_area_struct> {
        self.0
    }
}
