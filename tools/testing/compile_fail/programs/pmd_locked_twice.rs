// SPDX-License-Identifier: GPL-2.0
// The pmd lock of one section is taken twice.
// error: E0499
// message: cannot borrow `*section` as mutable more than once at a time

use crate::pgtable::{
    invalidation::Invalidation,
    witness::Witness, //
};

fn lock<W: Witness>(section: &mut Invalidation<'_, W>) {
    let outer = section.lock_pmd();
    let _inner = section.lock_pmd();
    drop(outer);
}
