// SPDX-License-Identifier: GPL-2.0
// The right way of retry_without_bound.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<bool> {
    slot.retry(3, |slot| Some(slot.map()?.read(PteIndex::FIRST).is_none()))
}
