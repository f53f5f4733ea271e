// SPDX-License-Identifier: GPL-2.0
// A section for a table is begun for a part of its range.
// error: E0061
// message: this method takes 0 arguments but 1 argument was supplied

use crate::pgtable::{
    walk::PmdSlot,
    witness::Witness, //
};
use kernel::page::PAGE_SIZE;

fn part<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<usize> {
    let base = slot.base();
    let section = slot.whole()?.invalidate(base..base + PAGE_SIZE);
    Some(section.range().end)
}
