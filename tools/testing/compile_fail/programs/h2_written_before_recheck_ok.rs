// SPDX-License-Identifier: GPL-2.0
// The right way of h2_written_before_recheck.rs.

use crate::pgtable::{
    invalidation::Invalidation,
    pte_index::PteIndex,
    witness::Witness, //
};

fn clear_first<W: Witness>(section: &mut Invalidation<'_, W>) -> Option<()> {
    let mut table = section.map_rw_nolock()?.lock()?;
    let _old = table.clear(PteIndex::FIRST);
    Some(())
}
