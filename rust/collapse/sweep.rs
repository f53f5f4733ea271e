// SPDX-License-Identifier: GPL-2.0

//! The slower, exact way for VMAs whose table must stay: private mappings with
//! pages of their own, partial and misaligned ones, userfaultfd, guard regions.
//!
//! Where no page is mapped nothing is put in: a zap that is on its way gives up
//! the PTE lock in its middle, so that a page higher in the table does not prove
//! that it has still to come to a lower place.

use crate::{
    mm::{
        reverse_map::MappedVma,
        sources::{
            state::Locked,
            Sources, //
        },
    },
    pgtable::{
        entry::Pte,
        migration::MigrationTarget,
        pte_index::PteIndex,
        walk::PmdSlot, //
    },
    support::failpoint::Point, //
};
use core::ops::Range;
use kernel::page::PAGE_SIZE;

/// Puts a migration entry that names its page of `huge` in the place of every
/// entry of the VMA that maps a source, and changes nothing else: markers,
/// private copies and foreign pages stay, and so does the table.
pub(super) fn sweep(
    vma: &MappedVma<'_>,
    index: usize,
    sources: &mut Sources<'_, '_, Locked>,
    huge: &impl MigrationTarget,
) {
    for (piece, at) in vma.pieces_of(index) {
        if let Some(slot) = PmdSlot::find(vma, piece.start) {
            sweep_table(vma, slot, &piece, at, sources, huge);
        }
    }
}

/// Sweeps the addresses `piece` of one table; `at` is the place in the extent
/// of the first of them.
fn sweep_table(
    vma: &MappedVma<'_>,
    mut slot: PmdSlot<'_, MappedVma<'_>>,
    piece: &Range<usize>,
    at: usize,
    sources: &mut Sources<'_, '_, Locked>,
    huge: &impl MigrationTarget,
) {
    let first = (piece.start - slot.base()) / PAGE_SIZE;
    let entries = first..(piece.end - slot.base()) / PAGE_SIZE;
    let foreign = |sources: &Sources<'_, '_, Locked>, entry: usize, pte: Pte| {
        !pte.page()
            .is_some_and(|pfn| sources.is_page(at + entry - first, pfn))
    };

    // Not exact: mremap() may be moving entries from one table to another. What
    // this misses shows in the count of references after the pass.
    let nothing = slot
        .map()
        .is_none_or(|table| table.all(entries.clone(), |entry, pte| foreign(sources, entry, pte)));
    if nothing || Point::TableLock.fails() {
        return;
    }
    let mut section = slot.invalidate(piece.clone());
    let Some(mut table) = section.map_lock() else {
        return;
    };
    for entry in PteIndex::range(entries) {
        let Some(place) = PteIndex::new(at + entry.get() - first) else {
            continue;
        };
        if let Some(cleared) = table.replace(entry, sources.frame(place), huge, place) {
            sources.remove_rmap(place.get(), cleared, vma);
        }
    }
}
