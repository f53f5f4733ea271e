// SPDX-License-Identifier: GPL-2.0
// The right way of installed_through_reverse_map.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    pte_install::NewPte,
    walk::PmdSlot, //
};
use kernel::{mm::virt::VmaRef, prelude::*};

fn poison(slot: &mut PmdSlot<'_, VmaRef>) -> Result {
    let mut table = slot.map_lock().ok_or(EAGAIN)?;
    table.install(PteIndex::FIRST, NewPte::Poison)
}
