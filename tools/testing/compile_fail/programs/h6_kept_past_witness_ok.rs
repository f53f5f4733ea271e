// SPDX-License-Identifier: GPL-2.0
// The right way of kept_past_witness.rs.

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot, //
};
use kernel::mm::MmWithUser;

fn first(mm: &MmWithUser, addr: usize) -> Option<Pte> {
    let guard = mm.mmap_read_lock();
    let mut slot = PmdSlot::find(guard.vma_lookup(addr)?, addr)?;
    let first = slot.map()?.read(PteIndex::FIRST);
    Some(first)
}
