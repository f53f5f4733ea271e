// SPDX-License-Identifier: GPL-2.0
// The right way of hugetlb_without_lock.rs.

use crate::hugetlb::live::{
    HugePte,
    HugetlbVma, //
};
use kernel::mm::virt::VmaRef;

fn entry(vma: &VmaRef, addr: usize) -> Option<HugePte> {
    Some(HugetlbVma::lock(vma)?.find(addr)?.read())
}
