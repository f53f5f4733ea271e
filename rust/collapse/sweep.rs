// SPDX-License-Identifier: GPL-2.0

//! Sweep: the slow, exact way for VMAs whose table must stay: private mappings with pages of their
//! own, partial and misaligned mappings, userfaultfd, guard regions.
//!
//! No migration entry is put where no page is mapped: a zap drops the PTE lock on its way through a
//! table, so that a mapped page at a higher address does not prove that the zap has not yet passed
//! a lower one.

use crate::{
    mm::{
        exchange::unmapped::Unmapping,
        reverse_map::MappedVma, //
    },
    pgtable::{
        cleared::MappedPages,
        pte_index::PteIndex,
        walk::PmdSlot, //
    },
    support::failpoint::Point, //
};
use core::ops::Range;
use kernel::page::PAGE_SIZE;

/// Replaces every entry of the VMA that maps a source by a migration entry that names its page of
/// the huge folio. Markers, private copies, foreign pages and the table itself stay.
pub(super) fn sweep(vma: &MappedVma<'_>, pages: &mut Unmapping<'_, '_, '_>) {
    for (piece, at) in vma.pieces() {
        if let Some(slot) = PmdSlot::find(vma, piece.start) {
            sweep_table(slot, piece, at, pages);
        }
    }
}

/// Sweeps the addresses `piece` of one table. `at` is the index of their first page in the extent.
fn sweep_table(
    mut slot: PmdSlot<'_, MappedVma<'_>>,
    piece: Range<usize>,
    at: usize,
    pages: &mut Unmapping<'_, '_, '_>,
) {
    // Not exact: mremap() may be moving entries from one table to another. The count of references
    // after the pass detects an entry that is missed here.
    if !maps_any(&mut slot, &piece, at, pages) || Point::TableLock.fails() {
        return;
    }
    let target = pages.target();
    if let Some(mut table) = slot.invalidate(piece).map_lock() {
        table.replace(pages, target);
    };
}

/// Returns whether the table maps one of the pages.
fn maps_any(
    slot: &mut PmdSlot<'_, MappedVma<'_>>,
    piece: &Range<usize>,
    at: usize,
    pages: &Unmapping<'_, '_, '_>,
) -> bool {
    let first = PteIndex::of(piece.start).get();
    let entries = first..first + (piece.end - piece.start) / PAGE_SIZE;
    let frames = pages.frames();
    slot.with_map(|table| {
        !table.all(entries, |entry, pte| {
            let page = pte.page();
            page.is_none() || page != frames.get(at + entry - first).copied()
        })
    })
    .unwrap_or(false)
}
