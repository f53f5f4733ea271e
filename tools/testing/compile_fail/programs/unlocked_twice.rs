// SPDX-License-Identifier: GPL-2.0
// Rule 16: a table is unlocked twice.
// error: E0382
// message: use of moved value: `table`

use crate::pgtable::{
    walk::PmdSlot,
    witness::Witness, //
};

fn lock_and_unlock<W: Witness>(slot: &mut PmdSlot<'_, W>) {
    if let Some(table) = slot.map_lock() {
        drop(table);
        drop(table);
    }
}
