// SPDX-License-Identifier: GPL-2.0
// Rules 03, 04, 10, 13, 14, 17, 18: a hugetlb entry is used after its tables were let go.
// error: E0505
// message: cannot move out of `mapping` because it is borrowed

use crate::{
    hugetlb::live::HugetlbVma,
    pgtable::entry::Pte, //
};

fn entry(mapping: HugetlbVma<'_>, addr: usize) -> Option<Pte> {
    let slot = mapping.find(addr)?;
    drop(mapping);
    Some(slot.read())
}
