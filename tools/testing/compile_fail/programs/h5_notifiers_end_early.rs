// SPDX-License-Identifier: GPL-2.0
// Refinement: the notifier section ends before the TLB flush.
// error: E0505
// message: cannot move out of `section` because it is borrowed

use crate::pgtable::{
    invalidation::Invalidation,
    pte_index::PteIndex,
    witness::Witness, //
};

fn clear_first<W: Witness>(mut section: Invalidation<'_, W>) {
    let Some(mut table) = section.map_lock() else {
        return;
    };
    let _old = table.clear(PteIndex::FIRST);
    drop(section);
    drop(table);
}
