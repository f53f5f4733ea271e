// SPDX-License-Identifier: GPL-2.0
// Rule 22: a table under construction is freed while its entries are in use.
// error: E0505
// message: cannot move out of `table` because it is borrowed

use crate::pgtable::{
    entry::Pte,
    kernel_own::NewKernelTable,
    pte_index::PteIndex, //
};

fn first(table: NewKernelTable) -> Pte {
    let entries = table.entries();
    drop(table);
    entries.read(PteIndex::FIRST)
}
