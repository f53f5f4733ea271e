// SPDX-License-Identifier: GPL-2.0
// The right way of kernel_table_past_lock.rs.

use crate::pgtable::{
    entry::Pte,
    kernel_table::{
        KernelRange,
        KernelSlot,
        KernelTables, //
    },
    pte_index::PteIndex, //
};

fn first(range: &KernelRange<'_>) -> Option<Pte> {
    let tables = KernelTables::read_lock();
    let KernelSlot::Table(pmd) = tables.find(range, range.addresses().start)? else {
        return None;
    };
    let first = pmd.offset_kernel().read(PteIndex::FIRST);
    drop(tables);
    Some(first)
}
