// SPDX-License-Identifier: GPL-2.0
// The right way of table_of_another_section.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn clear_first<W: Witness>(one: &W) -> Option<usize> {
    let mut slot = PmdSlot::find(one, one.addresses().start)?;
    let mut section = slot.invalidate(one.addresses());
    let page = section.map_lock()?.clear(PteIndex::FIRST)?.into_page();
    Some(page)
}
