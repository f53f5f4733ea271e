// SPDX-License-Identifier: GPL-2.0
// The right way of detached_freed_twice.rs.

use crate::pgtable::{
    pmd_table::EmptyTable,
    witness::Witness, //
};

fn take_out<W: Witness>(table: EmptyTable<'_, W>) {
    let detached = table.remove();
    detached.free_deferred();
}
