// SPDX-License-Identifier: GPL-2.0
// Rule 20: a kernel table is used after init_mm was unlocked.
// error: E0505
// message: cannot move out of `tables` because it is borrowed

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
    drop(tables);
    Some(pmd.offset_kernel().read(PteIndex::FIRST))
}
