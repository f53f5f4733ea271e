// SPDX-License-Identifier: GPL-2.0
// The right way of entry_for_another_file.rs.

use crate::pgtable::{
    cleared::MappedPages,
    migration::MigrationTarget,
    pmd_table::MappedTable,
    witness::Witness, //
};

fn exchange<W: Witness, P: MappedPages>(
    table: MappedTable<'_, '_, W, P>,
    target: &impl MigrationTarget,
) -> bool {
    // `Err`: the VMA maps another file, or other pages of it; the table stays.
    table
        .replace(target)
        .map(|detached| detached.free_deferred())
        .is_ok()
}
