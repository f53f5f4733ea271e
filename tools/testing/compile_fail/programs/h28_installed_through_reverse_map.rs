// SPDX-License-Identifier: GPL-2.0
// Refinement: an entry is installed in a process that may be past its last zap.
// error: E0599
// message: the method `install` exists for struct `PteTableGuard<'_, MappedVma<'_>>`, but its trait bounds were not satisfied

use crate::{
    mm::reverse_map::MappedVma,
    pgtable::{
        pte_index::PteIndex,
        pte_install::NewPte,
        walk::PmdSlot, //
    },
};
use kernel::prelude::*;

fn poison(slot: &mut PmdSlot<'_, MappedVma<'_>>) -> Result {
    let mut table = slot.map_lock().ok_or(EAGAIN)?;
    table.install(PteIndex::FIRST, NewPte::Poison)
}
