// SPDX-License-Identifier: GPL-2.0
// Rules 05, 06: a retry whose bound is none.
// error: E0308
// message: mismatched types

use crate::pgtable::{
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first_is_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<bool> {
    slot.retry(usize::MAX, |slot| {
        Some(slot.map()?.read(PteIndex::FIRST).is_none())
    })
}
