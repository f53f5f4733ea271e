// SPDX-License-Identifier: GPL-2.0
// The right way of pmd_changed_unlocked.rs.

use crate::pgtable::{
    invalidation::{
        Invalidation,
        Table, //
    },
    migration::{
        MigrationTarget,
        Spared, //
    },
    witness::Witness, //
};

fn give_back<W: Witness>(
    mut section: Invalidation<'_, W, Table>,
    target: &impl MigrationTarget,
) -> bool {
    section.lock_pmd().clear_migration(target, Spared::Nothing)
}
