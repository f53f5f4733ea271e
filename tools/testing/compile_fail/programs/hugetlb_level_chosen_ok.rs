// SPDX-License-Identifier: GPL-2.0
// The right way of hugetlb_level_chosen.rs.

use crate::{
    hugetlb::{
        arch::Native,
        live::{
            layout,
            HugetlbVma, //
        },
        walker::walk, //
    },
    pgtable::witness::Witness, //
};
use kernel::mm::virt::VmaRef;

fn table(vma: &VmaRef) -> Option<()> {
    let mapping = HugetlbVma::lock(vma)?;
    let start = vma.addresses().start;
    let _entry = walk::<Native, _>(&mapping, &layout(), mapping.page_size(), start)?;
    Some(())
}
