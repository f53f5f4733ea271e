// SPDX-License-Identifier: GPL-2.0
// The right way of sleeps_while_mapped.rs.

use crate::pgtable::{
    pmd_size::pmd_size,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn clear_used<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<()> {
    let start = slot.base();
    let used = !slot.map()?.read(PteIndex::FIRST).is_none();
    let mut section = slot.invalidate(start..start + pmd_size());
    if used {
        let _old = section.map_lock()?.clear(PteIndex::FIRST);
    }
    Some(())
}
