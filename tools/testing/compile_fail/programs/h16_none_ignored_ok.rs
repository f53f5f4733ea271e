// SPDX-License-Identifier: GPL-2.0
// The right way of none_ignored.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> bool {
    match slot.map() {
        Some(table) => table.read(PteIndex::FIRST).is_none(),
        None => true,
    }
}
