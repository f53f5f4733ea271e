// SPDX-License-Identifier: GPL-2.0
// Rule 07: a raw pointer to the pmd entry leaves the walker.
// error: E0624
// message: method `as_ptr` is private

use crate::{
    bindings,
    pgtable::{
        walk::PmdSlot,
        witness::Witness, //
    },
};

fn entry<W: Witness>(slot: &PmdSlot<'_, W>) -> *mut bindings::pmd_t {
    slot.as_ptr()
}
