// SPDX-License-Identifier: GPL-2.0
// The right way of new_table_freed_in_use.rs.

use crate::pgtable::{
    entry::Pte,
    kernel_own::NewKernelTable,
    pte_index::PteIndex, //
};

fn first(table: NewKernelTable) -> Pte {
    let entries = table.entries();
    let first = entries.read(PteIndex::FIRST);
    drop(table);
    first
}
