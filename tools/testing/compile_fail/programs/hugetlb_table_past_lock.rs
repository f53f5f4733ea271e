// SPDX-License-Identifier: GPL-2.0
// Rules 03, 14: a walk goes on after its tables were let go.
// error: E0505
// message: cannot move out of `mapping` because it is borrowed

use crate::hugetlb::{
    live::{
        HugetlbVma,
        TableEntry, //
    },
    walker::Tables, //
};

fn top<'v>(mapping: HugetlbVma<'v>, other: &'v HugetlbVma<'v>, addr: usize) -> bool {
    let Some(top): Option<TableEntry<'_>> = mapping.top(addr) else {
        return false;
    };
    drop(mapping);
    other.below(top).is_some()
}
