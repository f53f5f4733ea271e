// SPDX-License-Identifier: GPL-2.0
// Refinement: an entry is cleared and no secondary MMU is told.
// error: E0599
// message: no method named `clear` found for struct `PteTableGuard` in the current scope

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn clear_first<W: Witness>(slot: &mut PmdSlot<'_, W>) {
    if let Some(mut table) = slot.map_lock() {
        let _old = table.clear(PteIndex::FIRST);
    }
}
