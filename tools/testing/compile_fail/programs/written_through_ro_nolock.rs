// SPDX-License-Identifier: GPL-2.0
// Rule 15: a table from pte_offset_map_ro_nolock() is written under its lock.
// error: E0599
// message: no method named `install` found for struct `PteTableReadOnlyGuard` in the current scope

use crate::pgtable::{
    pte_index::PteIndex,
    pte_install::NewPte,
    walk::PmdSlot, //
};
use kernel::{mm::virt::VmaRef, prelude::*};

fn poison(slot: &mut PmdSlot<'_, VmaRef>) -> Result {
    let mut table = slot.map_ro_nolock().ok_or(EAGAIN)?.lock();
    table.install(PteIndex::FIRST, NewPte::Poison)
}
