// SPDX-License-Identifier: GPL-2.0

//! The slower, exact way for VMAs whose table must stay: private mappings with
//! pages of their own, partial and misaligned ones, userfaultfd, guard regions.

use crate::{
    mm::{
        fault::Point,
        Locked,
        MappedVma,
        Sources, //
    },
    pgtable::{
        pmd_size,
        PmdSlot,
        Pte,
        PteIndex,
        WritablePtes, //
    },
};
use core::ops::Range;
use kernel::page::PAGE_SIZE;

/// Clears every entry of the VMA that maps a source, and nothing else: markers,
/// private copies and foreign pages stay, and so does the table.
pub(super) fn sweep(vma: &MappedVma<'_>, index: usize, sources: &mut Sources<'_, '_, Locked>) {
    let (part, mut at) = vma.part_of(index);
    let mut addr = part.start;

    while addr < part.end {
        let base = addr & !(pmd_size() - 1);
        let piece = addr..part.end.min(base + pmd_size());
        if let Some(slot) = PmdSlot::find(vma, addr) {
            sweep_table(vma, slot, &piece, at, sources);
        }
        at += (piece.end - piece.start) / PAGE_SIZE;
        addr = piece.end;
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
    let section = slot.invalidate(piece.clone());
    let table = section.map_rw_nolock().and_then(|table| table.lock());
    let table: Option<WritablePtes<'_, _>> = match table {
        Some(table) => Some(section.writable(table)),
        None => section.map_lock(),
    };
    let Some(mut table) = table else {
        return;
    };
    for index in PteIndex::range(entries) {
        let entry = index.get();
        if foreign(sources, entry, table.entries().read(index)) {
            continue;
        }
        if let Some(cleared) = table.clear(index) {
            sources.remove_rmap(at + entry - first, cleared, vma);
        }
    }
}
