// SPDX-License-Identifier: GPL-2.0
// A table that was locked for one VMA is changed in the section of a neighbour.
// error: E0599
// message: no method named `writable` found for struct `Invalidation` in the current scope

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn clear_first<W: Witness>(one: &W, other: &W) -> Option<usize> {
    let mut a = PmdSlot::find(one, one.addresses().start)?;
    let mut b = PmdSlot::find(other, other.addresses().start)?;
    let section = a.invalidate(one.addresses());
    let table = b.map_lock()?;
    let page = section.writable(table).clear(PteIndex::FIRST)?.into_page();
    Some(page)
}
