// SPDX-License-Identifier: GPL-2.0
// The right way of hugetlb_entry_past_lock.rs.

use crate::{
    hugetlb::live::HugetlbVma,
    pgtable::entry::Pte, //
};

fn entry(mapping: HugetlbVma<'_>, addr: usize) -> Option<Pte> {
    let slot = mapping.find(addr)?;
    let entry = slot.read();
    drop(mapping);
    Some(entry)
}
