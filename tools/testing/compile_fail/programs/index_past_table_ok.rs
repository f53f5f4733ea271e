// SPDX-License-Identifier: GPL-2.0
// The right way of index_past_table.rs.

use crate::pgtable::{pmd_pages, PmdSlot, Pte, PteIndex, Witness};

fn last<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    let last = PteIndex::new(pmd_pages() - 1)?;
    Some(slot.map()?.read(last))
}
