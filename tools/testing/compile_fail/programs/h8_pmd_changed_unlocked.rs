// SPDX-License-Identifier: GPL-2.0
// Refinement: the pmd entry is changed without the pmd lock.
// error: E0599
// message: no method named `clear_migration` found for struct `Invalidation` in the current scope

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

fn give_back<W: Witness>(section: Invalidation<'_, W, Table>, target: &impl MigrationTarget) -> bool {
    section.clear_migration(target, Spared::Nothing)
}
