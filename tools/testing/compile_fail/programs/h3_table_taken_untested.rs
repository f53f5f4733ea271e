// SPDX-License-Identifier: GPL-2.0
// Refinement: a table is taken out and nobody looked at what is in it.
// error: E0599
// message: no method named `remove` found for struct `PmdTableGuard` in the current scope

use crate::pgtable::{
    invalidation::Table,
    pmd_table::PmdTableGuard,
    witness::Witness, //
};

fn take_out<W: Witness>(table: PmdTableGuard<'_, W, Table>) {
    table.remove().free_deferred();
}
