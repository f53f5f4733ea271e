// SPDX-License-Identifier: GPL-2.0
// The right way of pmd_locked_twice.rs.

use crate::pgtable::{
    invalidation::Invalidation,
    witness::Witness, //
};

fn lock<W: Witness>(section: &mut Invalidation<'_, W>) {
    drop(section.lock_pmd());
    drop(section.lock_pmd());
}
