// SPDX-License-Identifier: GPL-2.0
// Rule 08: a helper returns a mapped table and leaves the witness behind.
// error: E0515
// message: cannot return value referencing local variable `slot`

use crate::pgtable::{
    pte_table::PteTable,
    walk::PmdSlot, //
};
use kernel::mm::virt::VmaRef;

fn table_of(vma: &VmaRef, addr: usize) -> Option<PteTable<'_>> {
    let mut slot = PmdSlot::find(vma, addr)?;
    slot.map()
}
