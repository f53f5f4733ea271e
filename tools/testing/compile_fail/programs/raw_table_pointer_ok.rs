// SPDX-License-Identifier: GPL-2.0
// The right way of raw_table_pointer.rs.

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    let table = slot.map()?;
    Some(table.read(PteIndex::FIRST))
}
