// SPDX-License-Identifier: GPL-2.0
// The right way of debt_after_leaked_guard.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    pte_write::PteTableWriteGuard,
    witness::Witness, //
};

fn pay<W: Witness>(mut table: PteTableWriteGuard<'_, W>) -> Option<usize> {
    let old = table.clear(PteIndex::FIRST)?;
    let page = old.into_page();
    drop(table);
    Some(page)
}
