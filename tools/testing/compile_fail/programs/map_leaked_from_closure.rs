// SPDX-License-Identifier: GPL-2.0
// A mapped table is taken out of its scope, to be forgotten there.
// error: E0521
// message: borrowed data escapes outside of closure

use crate::pgtable::{
    pte_table::PteTable,
    walk::PmdSlot,
    witness::Witness, //
};

fn leak<'s, W: Witness>(slot: &'s mut PmdSlot<'_, W>) -> Option<&'s PteTable<'s>> {
    let mut kept = None;
    slot.with_map(|table| kept = Some(table));
    kept
}
