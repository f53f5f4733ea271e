// SPDX-License-Identifier: GPL-2.0
// The right way of written_before_recheck.rs.

use crate::pgtable::{Invalidation, PteIndex, Witness};

fn clear_first<W: Witness>(section: &Invalidation<'_, W>) -> Option<()> {
    let table = section.map_rw_nolock()?.lock()?;
    let _old = section.writable(table).clear(PteIndex::FIRST);
    Some(())
}
