// SPDX-License-Identifier: GPL-2.0
// Rules 01, 02, 12, 15, 19: a table that may not be there is used without a look.
// error: E0599
// message: no method named `read` found for enum `Option` in the current scope

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> bool {
    slot.map().read(PteIndex::FIRST).is_none()
}
