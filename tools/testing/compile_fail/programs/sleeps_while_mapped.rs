// SPDX-License-Identifier: GPL-2.0
// Rule 08: a notifier section, which may sleep, is begun while the table is mapped.
// error: E0499
// message: cannot borrow `*slot` as mutable more than once at a time

use crate::pgtable::{
    pmd_size::pmd_size,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};

fn clear_used<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<()> {
    let start = slot.base();
    let seen = slot.map()?;
    let mut section = slot.invalidate(start..start + pmd_size());
    if !seen.read(PteIndex::FIRST).is_none() {
        let _old = section.map_lock()?.clear(PteIndex::FIRST);
    }
    Some(())
}
