// SPDX-License-Identifier: GPL-2.0
// Rule 08: a mapped table outlives the lock that keeps the levels above it.
// error: E0597
// message: `guard` does not live long enough

use crate::pgtable::{
    entry::Pte,
    pte_index::PteIndex,
    walk::PmdSlot, //
};
use kernel::mm::MmWithUser;

fn first(mm: &MmWithUser, addr: usize) -> Option<Pte> {
    let mut slot;
    {
        let guard = mm.mmap_read_lock();
        slot = PmdSlot::find(guard.vma_lookup(addr)?, addr)?;
    }
    let first = slot.map()?.read(PteIndex::FIRST);
    Some(first)
}
