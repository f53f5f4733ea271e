// SPDX-License-Identifier: GPL-2.0
// Rule 08: a mapped table goes to another task.
// error: E0277
// message: `*mut ()` cannot be sent between threads safely

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn elsewhere(_work: impl FnOnce() + Send) {}

fn count_elsewhere<W: Witness>(slot: &mut PmdSlot<'_, W>) {
    if let Some(table) = slot.map() {
        elsewhere(move || {
            let _first = table.read(PteIndex::FIRST);
        });
    }
}
