// SPDX-License-Identifier: GPL-2.0
// Rule 15: a table from pte_offset_map_rw_nolock() is written before pmd_same().
// error: E0599
// message: no method named `clear` found for struct `PteTableWriteNolock` in the current scope

use crate::pgtable::{
    invalidation::Invalidation,
    pte_index::PteIndex,
    witness::Witness, //
};

fn clear_first<W: Witness>(section: &mut Invalidation<'_, W>) -> Option<()> {
    let mut table = section.map_rw_nolock()?;
    let _old = table.clear(PteIndex::FIRST);
    Some(())
}
