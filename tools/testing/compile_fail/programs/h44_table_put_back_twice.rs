// SPDX-License-Identifier: GPL-2.0
// Refinement: a table that was taken out goes back twice.
// error: E0382
// message: use of moved value: `table`

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
    pmd.put_back(target, table, pages);
    pmd.put_back(target, table, pages)
}
