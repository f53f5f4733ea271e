// SPDX-License-Identifier: GPL-2.0
// Refinement: a table that was taken out is freed twice.
// error: E0382
// message: use of moved value: `detached`

use crate::pgtable::{
    pmd_table::EmptyTable,
    witness::Witness, //
};

fn take_out<W: Witness>(table: EmptyTable<'_, W>) {
    let detached = table.remove();
    detached.free_deferred();
    detached.free_deferred();
}
