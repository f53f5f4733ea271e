// SPDX-License-Identifier: GPL-2.0
// The right way of kernel_accessor_on_user.rs.

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn first<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    Some(slot.map()?.read(PteIndex::FIRST))
}
