// SPDX-License-Identifier: GPL-2.0
// Rule 07: a raw pointer to the table leaves the walker.
// error: E0616
// message: field `start` of struct `PteTable` is private

use crate::{
    bindings,
    pgtable::{
        walk::PmdSlot,
        witness::Witness, //
    },
};
use core::ptr::NonNull;

fn first<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<NonNull<bindings::pte_t>> {
    let table = slot.map()?;
    Some(table.start)
}
