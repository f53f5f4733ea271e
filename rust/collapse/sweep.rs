// SPDX-License-Identifier: GPL-2.0

//! The slower, exact way for VMAs whose table must stay: private mappings with pages of their own,
//! partial and misaligned ones, userfaultfd, guard regions.
//!
//! Where no page is mapped nothing is put in: a zap that is on its way gives up the PTE lock in its
//! middle, so that a page higher in the table does not prove that it has still to come to a lower
//! place.

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

/// Puts a migration entry that names its page of the huge folio in the place of every entry of the
/// VMA that maps a source, and changes nothing else: markers, private copies and foreign pages
/// stay, and so does the table.
pub(super) fn sweep(vma: &MappedVma<'_>, pages: &mut Unmapping<'_, '_, '_>) {
    for (piece, at) in vma.pieces() {
        if let Some(slot) = PmdSlot::find(vma, piece.start) {
            sweep_table(slot, piece, at, pages);
        }
    }
}

/// Sweeps the addresses `piece` of one table; `at` is the index in the extent of the first of their
/// pages.
fn sweep_table(
    mut slot: PmdSlot<'_, MappedVma<'_>>,
    piece: Range<usize>,
    at: usize,
    pages: &mut Unmapping<'_, '_, '_>,
) {
    // Not exact: mremap() may be moving entries from one table to another. What this misses shows
    // in the count of references after the pass.
    if !maps_any(&mut slot, &piece, at, pages) || Point::TableLock.fails() {
        return;
    }
    let target = pages.target();
    if let Some(mut table) = slot.invalidate(piece).map_lock() {
        table.replace(pages, target);
    };
}

/// Looks whether the table maps one of the pages.
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
