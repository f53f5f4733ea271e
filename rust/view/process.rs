// SPDX-License-Identifier: GPL-2.0

//! The page tables of a process.

use super::{
    counts::{
        Counts,
        Entries,
        Tables, //
    },
    report::Report,
};
#[cfg(CONFIG_HUGETLB_PAGE)]
use crate::hugetlb::live::HugetlbVma;
use crate::{
    mm::process::Process,
    pgtable::{
        entry::Pmd,
        level::Level,
        lowest::{
            is_folded,
            run_pages,
            withholds_tables,
            Lowest, //
        },
        pmd_size::pmd_pages,
        pte_index::PteIndex,
        walk::PmdSlot, //
    },
    support::task::nap, //
};
use core::{
    fmt::Write,
    ops::Range, //
};
use kernel::{
    mm::virt::VmaRef,
    page::PAGE_SIZE,
    prelude::*,
    time::Delta, //
};

/// Entries above the PTE tables that are looked at under one lock.
const ENTRIES_AT_ONCE: usize = 512;

/// How often the lock of a VMA is tried, a millisecond apart, until a piece counts as busy.
const TRIES: u32 = 50;

/// How often a table is looked for that goes away meanwhile.
const LOOKS: u8 = 5;

/// Writes what the page tables of `process` hold for each of its mappings in `range`, and for all
/// of them together. Context: sleeps.
pub(crate) fn report(process: &Process, range: Range<usize>, out: &mut Report<'_>) -> Result {
    let run = run_pages() as u64;
    let mut all = Counts::default();
    let (mut mappings, mut at) = (0, range.start & !(PAGE_SIZE - 1));
    while let Some(vma) = process.next_range(at).filter(|vma| vma.start < range.end) {
        if !out.has_room() {
            out.line(|out| write!(out, "more {at:#x}"))?;
            break;
        }
        let mut own = Counts::default();
        let part = vma.start.max(at)..vma.end.min(range.end);
        let mut walk = Walk {
            process,
            own: &mut own,
            all: &mut all,
        };
        walk.mapping(part, out)?;
        out.line(|out| {
            write!(out, "{:x}-{:x}", vma.start, vma.end)?;
            own.write(out, run)
        })?;
        mappings += 1;
        at = vma.end;
    }
    out.line(|out| {
        write!(out, "total mappings={mappings}")?;
        all.write(out, run)
    })
}

/// A walk over one mapping: counts for it, and for all that were walked.
struct Walk<'w> {
    process: &'w Process,
    own: &'w mut Counts,
    all: &'w mut Counts,
}

impl Walk<'_> {
    fn mapping(&mut self, part: Range<usize>, out: &Report<'_>) -> Result {
        let process = self.process;
        let (mut at, mut tries) = (part.start, 0);
        while at < part.end {
            out.rest()?;
            if !process.is_in_use() {
                return Err(ESRCH);
            }
            match process.look(at, |vma| self.step(vma.vma(), at..part.end)) {
                Some(next) => (at, tries) = (next, 0),
                None if process.next_range(at).is_none_or(|vma| !vma.contains(&at)) => break,
                None if tries < TRIES => {
                    tries += 1;
                    nap(Delta::from_millis(1));
                }
                None => {
                    self.both(|counts| counts.busy += 1);
                    (at, tries) = (Level::Pmd.end_of_entry(at), 0);
                }
            }
        }
        Ok(())
    }

    fn both(&mut self, count: impl Fn(&mut Counts)) {
        count(self.own);
        count(self.all);
    }

    /// Looks at a stretch from the start of `range` on, which the VMA maps, up to the end of one
    /// PTE table at most; returns where it ends.
    fn step(&mut self, vma: &VmaRef, range: Range<usize>) -> usize {
        let end = range.end.min(vma.end());
        #[cfg(CONFIG_HUGETLB_PAGE)]
        if let Some(hugetlb) = HugetlbVma::lock(vma) {
            return self.hugetlb(vma, &hugetlb, range.start..end);
        }
        let mut at = range.start;
        for _ in 0..ENTRIES_AT_ONCE {
            if at >= end {
                break;
            }
            let Some(lowest) = Lowest::find(vma, at) else {
                break;
            };
            self.note_tables(vma, lowest.level, at);
            let next = lowest.level.end_of_entry(at).min(end);
            if lowest.value == Pmd::Table {
                self.table(vma, at..next);
                return next;
            }
            self.both(|counts| counts.add_huge(lowest.level, lowest.value));
            if withholds_tables(vma) && is_huge(lowest) {
                self.both(|counts| counts.withheld += 1);
            }
            at = next;
        }
        at
    }

    /// Notes the tables on the way to an entry of `lowest`.
    fn note_tables(&mut self, vma: &VmaRef, lowest: Level, at: usize) {
        for level in [Level::P4d, Level::Pud, Level::Pmd, Level::Pte] {
            if level >= lowest && !is_folded(vma, level) {
                self.both_tables(|tables| {
                    tables.note(level, at);
                });
            }
        }
    }

    fn both_tables(&mut self, note: impl Fn(&mut Tables)) {
        note(&mut self.own.tables);
        note(&mut self.all.tables);
    }

    /// Counts the entries for `range` of one PTE table, if it is there still.
    fn table(&mut self, vma: &VmaRef, range: Range<usize>) {
        let Some(mut slot) = PmdSlot::find(vma, range.start) else {
            return;
        };
        let first = PteIndex::of(range.start).get();
        let indices = first..first + (range.end - range.start).div_ceil(PAGE_SIZE);
        let looked = slot.retry(LOOKS, |slot| look(slot, indices.clone()));
        let Some((entries, is_empty)) = looked else {
            // Gone, or huge by now: nothing that can be told as of one moment.
            return;
        };
        for counts in [&mut *self.own, &mut *self.all] {
            counts.add_entries(&entries);
            if counts.tables.note(Level::Pte, range.start) && is_empty {
                counts.empty += 1;
            }
        }
    }

    /// Counts the hugetlb pages in `range`, up to the end of one table; returns where it ends.
    #[cfg(CONFIG_HUGETLB_PAGE)]
    fn hugetlb(&mut self, vma: &VmaRef, hugetlb: &HugetlbVma<'_>, range: Range<usize>) -> usize {
        let size = hugetlb.page_size();
        let Some(place) = hugetlb.place() else {
            return range.end;
        };
        let table = place
            .level
            .above()
            .map(|level| level.end_of_entry(range.start));
        let end = range.end.min(table.unwrap_or(range.end));
        let mut at = range.start;
        while at < end {
            if let Some(lowest) = hugetlb.depth(at) {
                self.note_tables(vma, lowest, at);
            }
            if let Some(slot) = hugetlb.find(at) {
                let kind = slot.read().kind();
                self.both(|counts| counts.add_hugetlb(size, place, kind));
            }
            if !hugetlb.kernel_agrees(at) {
                self.both(|counts| counts.elsewhere += 1);
            }
            at = (at | (size - 1)).saturating_add(1);
        }
        at
    }
}

/// Returns whether an entry above the PTE tables maps memory, or replaces one that did.
fn is_huge(lowest: Lowest) -> bool {
    !matches!(lowest.value, Pmd::None | Pmd::Table | Pmd::Bad)
}

/// Counts the entries of one table, and tells whether all of it is empty.
///
/// An empty table is found without its lock, so that no one waits. Otherwise the lock is taken,
/// under which runs are made and broken.
fn look(slot: &mut PmdSlot<'_, VmaRef>, indices: Range<usize>) -> Option<(Entries, bool)> {
    let mut entries = Entries::default();
    if slot.map()?.all(0..pmd_pages(), |_, pte| pte.is_none()) {
        entries.add_none(indices.len() as u64);
        return Some((entries, true));
    }
    let table = slot.map_ro_nolock()?.lock();
    table.entries().all(indices, |_, pte| {
        entries.add(pte);
        true
    });
    drop(table);
    // A table that was taken out meanwhile was emptied.
    (slot.read_lockless() == Pmd::Table).then_some((entries, false))
}
