// SPDX-License-Identifier: GPL-2.0
// The right way of written_through_ro_nolock.rs.

use crate::pgtable::{
    pte_index::PteIndex,
    pte_install::NewPte,
    walk::PmdSlot, //
};
use kernel::{mm::virt::VmaRef, prelude::*};

fn poison(slot: &mut PmdSlot<'_, VmaRef>) -> Result {
    let table = slot.map_rw_nolock().ok_or(EAGAIN)?.lock();
    table.ok_or(EAGAIN)?.install(PteIndex::FIRST, NewPte::Poison)
}
