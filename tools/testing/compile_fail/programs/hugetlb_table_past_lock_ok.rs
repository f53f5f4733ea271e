// SPDX-License-Identifier: GPL-2.0
// The right way of hugetlb_table_past_lock.rs.

use crate::hugetlb::{
    live::{
        HugetlbVma,
        TableEntry, //
    },
    walker::Tables, //
};

fn top(mapping: HugetlbVma<'_>, addr: usize) -> bool {
    let Some(top): Option<TableEntry<'_>> = mapping.top(addr) else {
        return false;
    };
    let found = mapping.below(top).is_some();
    drop(mapping);
    found
}
