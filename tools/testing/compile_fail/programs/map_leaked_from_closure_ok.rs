// SPDX-License-Identifier: GPL-2.0
// The right way of map_leaked_from_closure.rs.

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn read<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    slot.with_map(|table| table.read(PteIndex::FIRST))
}
