// SPDX-License-Identifier: GPL-2.0
// The right way of hugetlb_without_lock.rs.

use crate::{
    hugetlb::live::HugetlbVma,
    pgtable::entry::Pte, //
};
use kernel::mm::virt::VmaRef;

fn entry(vma: &VmaRef, addr: usize) -> Option<Pte> {
    Some(HugetlbVma::lock(vma)?.find(addr)?.read())
}
