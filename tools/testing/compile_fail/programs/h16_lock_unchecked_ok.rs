// SPDX-License-Identifier: GPL-2.0
// The right way of lock_unchecked.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> bool {
    slot.map_lock()
        .is_none_or(|table| table.entries().read(PteIndex::FIRST).is_none())
}
