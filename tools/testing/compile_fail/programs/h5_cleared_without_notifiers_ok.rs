// SPDX-License-Identifier: GPL-2.0
// The right way of cleared_without_notifiers.rs.

use crate::pgtable::{
    pmd_size::pmd_size,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn clear_first<W: Witness>(slot: &mut PmdSlot<'_, W>) {
    let start = slot.base();
    let mut section = slot.invalidate(start..start + pmd_size());
    let table = section.map_lock();
    if let Some(mut table) = table {
        let _old = table.clear(PteIndex::FIRST);
    }
}
