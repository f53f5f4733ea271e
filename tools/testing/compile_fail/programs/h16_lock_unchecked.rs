// SPDX-License-Identifier: GPL-2.0
// Rule 15: a failed pte_offset_map_lock() is taken for a locked table.
// error: E0599
// message: no method named `entries` found for enum `Option` in the current scope

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> bool {
    slot.map_lock().entries().read(PteIndex::FIRST).is_none()
}
