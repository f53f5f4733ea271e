// SPDX-License-Identifier: GPL-2.0
// The right way of retry_for_ever.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<bool> {
    slot.retry(u8::MAX, |slot| {
        Some(slot.map()?.read(PteIndex::FIRST).is_none())
    })
}
