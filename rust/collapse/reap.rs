// SPDX-License-Identifier: GPL-2.0

//! Reap: page tables with nothing in them are given back.
//!
//! Truncation, punching, reclaim and swap leave tables behind that map nothing any more, and the
//! kernel frees them with the addresses only. A table goes if one mapping has all of its range, and
//! VMA and contents allow it, asked under both of its locks. Nothing is put in its place: who
//! touches the memory gets a new table, as at the first touch.
//!
//! The tables of one process are found under the lock of a VMA, those of all who map a file through
//! the reverse map. The lock of the extent is not needed: a collapse finds an empty table as often
//! as none, and puts nothing into a table that it has not locked.

use super::{
    config::Config,
    keys::round_up,
    outcome::Outcome,
    patience::{
        Patience,
        Waits, //
    },
    request::Request,
    stats::{
        Stats,
        Tally, //
    },
    stay::Stay, //
};
use crate::{
    mm::{
        backing::{
            Backing,
            Mapping, //
        },
        extent::Extent,
        next_mapped::next_mapped,
        process::{
            Process,
            ShmemVma, //
        },
    },
    pgtable::{
        entry::Pmd,
        level::Level,
        lowest::Lowest,
        pmd_size::{
            pmd_pages,
            pmd_size, //
        },
        walk::PmdSlot,
        witness::Witness, //
    },
    support::failpoint::{
        Delay,
        Point, //
    },
};
use core::ops::{
    ControlFlow,
    Range, //
};
use kernel::{
    prelude::*,
    time::Delta, //
};

/// What becomes of an extent whose mappings could be looked at, whether there was a table to free
/// or not. Its number is 0.
const DONE: Outcome = Outcome::Collapsed;

/// Slots of a VMA that are looked at under one lock.
const SLOTS_AT_ONCE: usize = 64;

/// Told what became of so many extents that follow each other.
type Answer<'a> = &'a mut dyn FnMut(Outcome, usize) -> Result;

impl Request<'_> {
    /// Frees the empty page tables of what the request names: those of one process, or those of all
    /// that map a file.
    ///
    /// Fails only if the request names nothing, or ends early: errors are those of
    /// [`run`](Self::run) but for the ones that stand for outcomes. Context: sleeps.
    pub(crate) fn reap(&self, config: &Config, stay: &Stay<'_>) -> Result {
        let reaper = Reaper::new(config, stay);
        let ignore = &mut |_, _| Ok(());
        match self {
            Self::Range { pid, start, end } => {
                reaper.range(&Process::open(*pid)?, *start..*end, ignore)
            }
            Self::Process { pid } => {
                let process = Process::open(*pid)?;
                let all = 0..process.task_size();
                reaper.range(&process, all, ignore)
            }
            Self::FileRange { path, start, end } => {
                let range = usize::try_from(*start)?..usize::try_from(*end)?;
                reaper.file(Backing::from_path(path)?.mapping(), range)
            }
            Self::File { path } => reaper.file(Backing::from_path(path)?.mapping(), 0..usize::MAX),
        }
    }
}

/// Frees the empty page tables of the caller in a range of its addresses, and calls `answer` with
/// the outcomes of the extents in their order: 0, or `vma_busy`. Context: sleeps, and so may
/// `answer`.
pub(crate) fn reap_own(
    range: Range<usize>,
    config: &Config,
    stay: &Stay<'_>,
    answer: Answer<'_>,
) -> Result {
    Reaper::new(config, stay).range(&Process::open(0)?, range, answer)
}

/// A request that runs.
struct Reaper<'e> {
    stay: &'e Stay<'e>,
    stats: &'e Stats,
    patience: Patience,
}

impl<'e> Reaper<'e> {
    fn new(config: &Config, stay: &'e Stay<'e>) -> Self {
        Self {
            stay,
            stats: stay.engine().stats(),
            patience: Patience::new(config.patience),
        }
    }

    fn freed(&self, tables: usize) {
        Tally::new(self.stats, None).record_tables_freed(tables);
    }

    /// Pauses because a mapping is being changed; returns whether there was patience left, which
    /// is that of the request as a whole.
    fn pause<'p>(&'p self, waits: &mut Option<Waits<'p>>) -> bool {
        if waits.is_none() {
            *waits = self.patience.begin();
        }
        match waits {
            Some(waits) if !waits.are_over() => {
                let over = || self.stay.is_over();
                waits.pause(false, Delta::ZERO, over);
                !self.stay.is_over()
            }
            _ => false,
        }
    }

    fn range(&self, process: &Process, range: Range<usize>, answer: Answer<'_>) -> Result {
        if range.start > range.end || range.end > process.task_size() {
            return Err(EINVAL);
        }
        let shift = pmd_size().trailing_zeros();
        let end = range.end & !(pmd_size() - 1);
        let mut at = round_up(range.start, pmd_size());
        let mut waits = None;
        while at < end {
            self.stay.step()?;
            if !process.is_in_use() {
                return Err(ESRCH);
            }
            let (next, outcome) = match process.look(at, |vma| self.stretch(vma, at, end)) {
                Some(next) => (next, DONE),
                None => match process.next_range(at) {
                    Some(vma) if vma.contains(&at) => {
                        if self.pause(&mut waits) {
                            continue;
                        }
                        (at + pmd_size(), Outcome::VmaBusy)
                    }
                    Some(vma) => (round_up(vma.start, pmd_size()), DONE),
                    None => (end, DONE),
                },
            };
            let next = next.min(end);
            answer(outcome, next.saturating_sub(at) >> shift)?;
            at = next;
        }
        Ok(())
    }

    /// Frees the empty tables of a VMA from `at` on, which it has; returns where the next slot is
    /// to be looked at.
    fn stretch(&self, vma: &ShmemVma<'_>, mut at: usize, end: usize) -> usize {
        let vma_end = vma.range().end;
        let behind = round_up(vma_end, pmd_size());
        if vma.backing().is_none() {
            return behind;
        }
        for _ in 0..SLOTS_AT_ONCE {
            if at >= end.min(vma_end) {
                break;
            }
            let Some(lowest) = Lowest::find(vma.vma(), at) else {
                return behind;
            };
            if lowest.value == Pmd::Table {
                self.freed(usize::from(free_if_empty(vma.vma(), at)));
            }
            at = lowest.level.max(Level::Pmd).end_of_entry(at).min(behind);
        }
        at
    }

    /// Goes from extent to extent of a file, as far as anybody maps them.
    fn file(&self, mapping: Mapping<'_>, range: Range<usize>) -> Result {
        let mut index = round_up(range.start, pmd_pages());
        let end = range.end & !(pmd_pages() - 1);
        let mut waits = None;
        while let Some(mapped) = next_mapped(mapping, index) {
            let extent = Extent::around(mapping, mapped);
            if extent.first().max(index) >= end {
                break;
            }
            self.stay.step()?;
            if self.extent(&extent) && self.pause(&mut waits) {
                continue;
            }
            index = extent.last() + 1;
        }
        Ok(())
    }

    /// Frees the empty tables of all who map the extent; returns whether a mapping was busy.
    fn extent(&self, extent: &Extent<'_>) -> bool {
        let (mut freed, mut is_busy) = (0, false);
        let _: ControlFlow<()> = extent.reverse_map().for_each(|vma| {
            if vma.is_write_locked() {
                is_busy = true;
                return ControlFlow::Continue(());
            }
            for (addresses, _) in vma.pieces() {
                freed += usize::from(free_if_empty(vma, addresses.start));
            }
            ControlFlow::Continue(())
        });
        self.freed(freed);
        is_busy
    }
}

/// Frees the table that translates `addr` if nothing is in it and the VMA has all of its range;
/// returns whether it did.
fn free_if_empty<W: Witness>(witness: &W, addr: usize) -> bool {
    let Some(mut slot) = PmdSlot::find(witness, addr) else {
        return false;
    };
    // Looked at again under the locks; here it saves them, and telling the MMU notifiers.
    let is_empty = |slot: &mut PmdSlot<'_, W>| {
        slot.with_map(|table| table.all(0..pmd_pages(), |_, pte| pte.is_none()))
    };
    if is_empty(&mut slot) != Some(true) || Point::Reap.fails() {
        return false;
    }
    let Some(whole) = slot.whole() else {
        return false;
    };
    Delay::Reaping.wait();
    let mut section = whole.invalidate();
    let Some(table) = section.lock_pmd().lock_table() else {
        return false;
    };
    let Some(table) = table.check_empty() else {
        return false;
    };
    table.remove().free_deferred();
    true
}
