// SPDX-License-Identifier: GPL-2.0
// Refinement: a table is allocated in a process that may be past its last zap.
// error: E0599
// message: the method `alloc_map` exists for mutable reference `&mut PmdSlot<'_, MappedVma<'_>>`, but its trait bounds were not satisfied

use crate::{
    mm::reverse_map::MappedVma,
    pgtable::{
        pte_index::PteIndex,
        walk::PmdSlot, //
    },
};
use kernel::prelude::*;

fn is_empty(slot: &mut PmdSlot<'_, MappedVma<'_>>) -> Result<bool> {
    Ok(slot.alloc_map()?.ok_or(EAGAIN)?.read(PteIndex::FIRST).is_none())
}
