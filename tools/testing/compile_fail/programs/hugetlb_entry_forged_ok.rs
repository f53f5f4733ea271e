// SPDX-License-Identifier: GPL-2.0
// The right way of hugetlb_entry_forged.rs.

use crate::hugetlb::{
    live::HugetlbVma,
    walker::Tables, //
};

fn follows(vma: &HugetlbVma<'_>, addr: usize) -> bool {
    vma.top(addr).and_then(|top| vma.below(top)).is_some()
}
