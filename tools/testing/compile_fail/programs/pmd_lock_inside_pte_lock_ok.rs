// SPDX-License-Identifier: GPL-2.0
// The right way of pmd_lock_inside_pte_lock.rs.

use crate::pgtable::{
    invalidation::Invalidation,
    pte_index::PteIndex,
    witness::Witness, //
};

fn clear_and_look<W: Witness>(section: &mut Invalidation<'_, W>) -> Option<()> {
    let _old = section.map_lock()?.clear(PteIndex::FIRST);
    let _pmd = section.lock_pmd();
    Some(())
}
