// SPDX-License-Identifier: GPL-2.0
// Rules 03, 14: hugetlb tables are walked without the lock that keeps them.
// error: E0599
// message: no method named `find` found for reference `&VmaRef` in the current scope

use crate::pgtable::entry::Pte;
use kernel::mm::virt::VmaRef;

fn entry(vma: &VmaRef, addr: usize) -> Option<Pte> {
    Some(vma.find(addr)?.read())
}
