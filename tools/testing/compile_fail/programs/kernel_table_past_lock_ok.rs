// SPDX-License-Identifier: GPL-2.0
// The right way of kernel_table_past_lock.rs.

use crate::pgtable::{
    entry::Pte,
    kernel_own::KernelRange,
    kernel_table::{
        KernelPlace,
        KernelTables, //
    },
    pte_index::PteIndex, //
};

fn first(range: &KernelRange<'_>) -> Option<Pte> {
    let tables = KernelTables::lock();
    let KernelPlace::Table(pmd) = tables.find(range, range.addresses().start)? else {
        return None;
    };
    let first = pmd.offset_kernel().read(PteIndex::FIRST);
    drop(tables);
    Some(first)
}
