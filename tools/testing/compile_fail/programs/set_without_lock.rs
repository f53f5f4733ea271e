// SPDX-License-Identifier: GPL-2.0
// Rule 21: an entry is set in a table that is mapped and not locked.
// error: E0599
// message: no method named `install` found for struct `PteTable` in the current scope

use crate::pgtable::{
    pte_index::PteIndex,
    pte_install::NewPte,
    walk::PmdSlot, //
};
use kernel::{mm::virt::VmaRef, prelude::*};

fn poison(slot: &mut PmdSlot<'_, VmaRef>) -> Result {
    let mut table = slot.alloc_map()?.ok_or(EAGAIN)?;
    table.install(PteIndex::FIRST, NewPte::Poison)
}
