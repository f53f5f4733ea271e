// SPDX-License-Identifier: GPL-2.0
// Rules 08, 23: an entry is read after its table was unmapped.
// error: E0382
// message: borrow of moved value: `table`

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    let table = slot.map()?;
    drop(table);
    Some(table.read(PteIndex::FIRST))
}
