// SPDX-License-Identifier: GPL-2.0
// The right way of notifiers_end_early.rs.

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
    drop(table);
    drop(section);
}
