// SPDX-License-Identifier: GPL-2.0

//! Reap: frees empty page tables.
//!
//! Truncation, hole punching, reclaim and swap leave empty tables behind, which the kernel frees
//! only when the addresses are unmapped. A table is freed if one VMA covers all of its range, and
//! if VMA and contents allow it, which is tested under both of its locks. Nothing takes its place:
//! a process that touches the memory gets a new table, as on the first touch.
//!
//! The tables of one process are found under the lock of a VMA, those of all processes that map a
//! file through the reverse map. The lock of the extent is not needed: a collapse handles an empty
//! table like a missing one, and changes no table that it has not locked.

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

/// The outcome of an extent whose mappings could be examined, whether a table was freed or not. Its
/// number is 0.
const DONE: Outcome = Outcome::Collapsed;

/// The number of slots of a VMA that are examined in one critical section of its lock.
const SLOTS_AT_ONCE: usize = 64;

/// Receives the outcome of a number of successive extents.
type Answer<'a> = &'a mut dyn FnMut(Outcome, usize) -> Result;

impl Request<'_> {
    /// Frees the empty page tables of one process, or of all processes that map a file.
    ///
    /// Fails only if there is no such process or file, or if the request ends early. The errors are
    /// those of [`run`](Self::run), except for those of outcomes. Context: sleeps.
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

    /// Pauses because a mapping is being changed; returns false if the patience of the request is
    /// over.
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

    /// Frees the empty tables of a VMA from `at` on, which is one of its addresses; returns the
    /// address of the next slot to be examined.
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

    /// Visits those extents of a file that are mapped.
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

    /// Frees the empty tables of all VMAs that map the extent; returns whether a VMA was busy.
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

/// Frees the table that translates `addr` if it is empty and the VMA covers all of its range;
/// returns whether it did.
fn free_if_empty<W: Witness>(witness: &W, addr: usize) -> bool {
    let Some(mut slot) = PmdSlot::find(witness, addr) else {
        return false;
    };
    // Tested again under the locks. Tested here, it avoids the locks and the MMU notifiers.
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
