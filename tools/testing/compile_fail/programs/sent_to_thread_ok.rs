// SPDX-License-Identifier: GPL-2.0
// The right way of sent_to_thread.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn elsewhere(_work: impl FnOnce() + Send) {}

fn count_elsewhere<W: Witness>(slot: &mut PmdSlot<'_, W>) {
    if let Some(table) = slot.map() {
        let empty = table.read(PteIndex::FIRST).is_none();
        elsewhere(move || {
            let _empty = empty;
        });
    }
}
