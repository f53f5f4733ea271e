// SPDX-License-Identifier: GPL-2.0
// Rule 09, turned round: pte_offset_kernel() on a user's table.
// error: E0599
// message: no method named `offset_kernel` found for mutable reference `&mut PmdSlot<'_, W>` in the current scope

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    Some(slot.offset_kernel().read(PteIndex::FIRST))
}
