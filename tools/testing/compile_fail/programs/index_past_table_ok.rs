// SPDX-License-Identifier: GPL-2.0
// The right way of index_past_table.rs.

use crate::pgtable::{
    entry::Pte,
    pmd_size::pmd_pages,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn last<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    let last = PteIndex::new(pmd_pages() - 1)?;
    Some(slot.map()?.read(last))
}
