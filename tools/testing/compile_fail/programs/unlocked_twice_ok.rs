// SPDX-License-Identifier: GPL-2.0
// The right way of unlocked_twice.rs.

use crate::pgtable::{
    walk::PmdSlot,
    witness::Witness, //
};

fn lock_and_unlock<W: Witness>(slot: &mut PmdSlot<'_, W>) {
    if let Some(table) = slot.map_lock() {
        drop(table);
    }
}
