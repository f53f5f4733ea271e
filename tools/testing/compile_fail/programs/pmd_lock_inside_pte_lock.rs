// SPDX-License-Identifier: GPL-2.0
// The pmd lock is taken while the PTE lock of the same section is held.
// error: E0499
// message: cannot borrow `*section` as mutable more than once at a time

use crate::pgtable::{
    invalidation::Invalidation,
    pte_index::PteIndex,
    witness::Witness, //
};

fn clear_and_look<W: Witness>(section: &mut Invalidation<'_, W>) -> Option<()> {
    let mut table = section.map_lock()?;
    let _pmd = section.lock_pmd();
    let _old = table.clear(PteIndex::FIRST);
    Some(())
}
