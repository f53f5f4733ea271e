// SPDX-License-Identifier: GPL-2.0
// Refinement: a migration entry takes the place of an empty table, which no zap will meet.
// error: E0599
// message: no method named `replace` found for struct `EmptyTable` in the current scope

use crate::pgtable::{
    migration::MigrationTarget,
    pmd_table::EmptyTable,
    witness::Witness, //
};

fn take_out<W: Witness>(table: EmptyTable<'_, W>, target: &impl MigrationTarget) {
    table.replace(target).free_deferred();
}
