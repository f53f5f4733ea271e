// SPDX-License-Identifier: GPL-2.0
// The right way of h44_table_put_back_twice.rs.

use crate::pgtable::{
    detached::KeptTable,
    invalidation::Table,
    migration::{
        MigrationTarget,
        OldPages, //
    },
    pmd_lock::PmdGuard,
    witness::Witness, //
};

fn go_back<W: Witness>(
    mut pmd: PmdGuard<'_, W, Table>,
    target: &impl MigrationTarget,
    table: KeptTable,
    pages: &impl OldPages,
) -> bool {
    pmd.put_back(target, table, pages)
}
