// SPDX-License-Identifier: GPL-2.0
// Rules 05, 06: a retry that does not say when to give up.
// error: E0061
// message: this method takes 2 arguments but 1 argument was supplied

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<bool> {
    slot.retry(|slot: &mut PmdSlot<'_, W>| Some(slot.map()?.read(PteIndex::FIRST).is_none()))
}
