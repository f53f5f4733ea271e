// SPDX-License-Identifier: GPL-2.0
// The right way of allocated_through_reverse_map.rs.

use crate::{
    mm::reverse_map::MappedVma,
    pgtable::{
        pte_index::PteIndex,
        walk::PmdSlot, //
    },
};
use kernel::prelude::*;

fn is_empty(slot: &mut PmdSlot<'_, MappedVma<'_>>) -> Result<bool> {
    Ok(slot.map().ok_or(EAGAIN)?.read(PteIndex::FIRST).is_none())
}
