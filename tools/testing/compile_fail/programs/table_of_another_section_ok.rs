// SPDX-License-Identifier: GPL-2.0
// The right way of table_of_another_section.rs.

use crate::pgtable::{
    cleared::Cleared,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn clear_first<W: Witness>(one: &W) -> Option<Cleared> {
    let mut slot = PmdSlot::find(one, one.addresses().start)?;
    let mut section = slot.invalidate(one.addresses());
    let old = section.map_lock()?.clear(PteIndex::FIRST);
    old
}
