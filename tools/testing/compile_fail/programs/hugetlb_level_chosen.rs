// SPDX-License-Identifier: GPL-2.0
// Rules 03, 14: an entry of the top table is followed as if it were a pmd entry.
// error: E0061
// message: this method takes 1 argument but 3 arguments were supplied

use crate::{
    hugetlb::{
        live::HugetlbVma,
        walker::Tables, //
    },
    pgtable::level::Level, //
};

fn table(vma: &HugetlbVma<'_>, addr: usize) -> Option<()> {
    let top = vma.top(addr)?;
    let _table = vma.below(Level::Pmd, &top, addr)?;
    Some(())
}
