// SPDX-License-Identifier: GPL-2.0
// Rule 16: the lock is dropped alone and the mapping leaks.
// error: E0616
// message: field `_lock` of struct `PteTableGuard` is private

use crate::pgtable::{
    walk::PmdSlot,
    witness::Witness, //
};

fn lock_and_unlock<W: Witness>(slot: &mut PmdSlot<'_, W>) {
    if let Some(table) = slot.map_lock() {
        drop(table._lock);
    }
}
