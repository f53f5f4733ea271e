// SPDX-License-Identifier: GPL-2.0
// The right way of returned_past_witness.rs.

use crate::pgtable::{
    pte_table::PteTable,
    walk::PmdSlot, //
};
use kernel::mm::virt::VmaRef;

fn table_of<'s>(slot: &'s mut PmdSlot<'_, VmaRef>) -> Option<PteTable<'s>> {
    slot.map()
}
