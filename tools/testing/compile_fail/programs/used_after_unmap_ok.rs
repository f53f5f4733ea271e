// SPDX-License-Identifier: GPL-2.0
// The right way of used_after_unmap.rs.

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    let table = slot.map()?;
    let first = table.read(PteIndex::FIRST);
    drop(table);
    Some(first)
}
