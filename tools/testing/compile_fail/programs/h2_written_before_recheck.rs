// SPDX-License-Identifier: GPL-2.0
// Rule 15: a table from pte_offset_map_rw_nolock() is written before pmd_same().
// error: E0308
// message: mismatched types

use crate::pgtable::{Invalidation, PteIndex, Witness};

fn clear_first<W: Witness>(section: &Invalidation<'_, W>) -> Option<()> {
    let table = section.map_rw_nolock()?;
    let _old = section.writable(table).clear(PteIndex::FIRST);
    Some(())
}
