// SPDX-License-Identifier: GPL-2.0
// The guard is leaked, so that the lock stays taken, and the debt of its entry paid.
// error: E0505
// message: cannot move out of `table` because it is borrowed

use crate::pgtable::{
    pte_index::PteIndex,
    pte_write::PteTableWriteGuard,
    witness::Witness, //
};

fn leak<W: Witness>(mut table: PteTableWriteGuard<'_, W>) -> Option<usize> {
    let old = table.clear(PteIndex::FIRST)?;
    core::mem::forget(table);
    Some(old.into_page())
}
