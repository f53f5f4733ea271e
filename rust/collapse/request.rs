// SPDX-License-Identifier: GPL-2.0

//! What the user asks for, and how it is worked off.

use super::{
    config::Config,
    engine::Engine,
    extent::Located,
    locate::{
        is_foreign,
        locate, //
    },
    outcome::Outcome,
    passes::{
        Keys,
        Passes, //
    },
    stats::{
        Cost,
        Stats,
        Tally, //
    }, //
};
use crate::{
    mm::{
        cond_resched,
        fatal_signal_pending,
        Backing,
        Mapping,
        Process,
        Scratch, //
    },
    pgtable::{
        pmd_pages,
        pmd_size, //
    },
};
use core::ops::Range;
use kernel::prelude::*;

/// One request.
pub(crate) enum Request<'a> {
    /// The extents inside an address range of a process.
    Range {
        /// The process, in the caller's pid namespace; 0 is the caller.
        pid: i32,
        /// First address.
        start: usize,
        /// First address behind it.
        end: usize,
    },
    /// Every shmem mapping of a process.
    Process {
        /// The process, in the caller's pid namespace; 0 is the caller.
        pid: i32,
    },
    /// The extents inside a range of a file.
    FileRange {
        /// Absolute path of the file.
        path: &'a CStr,
        /// First page offset.
        start: u64,
        /// First page offset behind it.
        end: u64,
    },
    /// The whole of a file.
    File {
        /// Absolute path of the file.
        path: &'a CStr,
    },
}

impl Request<'_> {
    /// Carries the request out. Every extent is tried, whatever becomes of the
    /// others.
    ///
    /// The error is that of the first extent (in the order of addresses or
    /// offsets) that is not huge at the end, or `EINTR` when the caller is
    /// killed or the module goes. `own` counts what this request alone does.
    /// Context: sleeps.
    pub(crate) fn run(&self, config: &Config, engine: &Engine, own: Option<&Stats>) -> Result {
        let tally = Tally::new(engine.stats(), own);
        let job = Job {
            config,
            engine,
            tally,
        };
        tally.record_request();
        match self {
            Self::Range { pid, start, end } => job.range(&Process::open(*pid)?, *start..*end),
            Self::Process { pid } => job.process(&Process::open(*pid)?),
            Self::FileRange { path, start, end } => {
                let range = usize::try_from(*start)?..usize::try_from(*end)?;
                job.file(Backing::from_path(path)?.mapping(), range)
            }
            Self::File { path } => {
                let backing = Backing::from_path(path)?;
                let mapping = backing.mapping();
                job.file(mapping, 0..mapping.pages())
            }
        }
    }
}

/// A request that runs.
struct Job<'e> {
    config: &'e Config,
    engine: &'e Engine,
    tally: Tally<'e>,
}

impl Job<'_> {
    fn range(&self, process: &Process, range: Range<usize>) -> Result {
        if range.start > range.end || range.end > process.task_size() {
            return Err(EINVAL);
        }
        let attempt = |addr: usize, scratch: &mut Scratch, cost: &mut Cost| {
            self.at_address(process, addr, scratch, cost).map(Some)
        };
        pin_init::stack_pin_init!(let passes = Passes::new(self.engine, self.config, self.tally, process.pid(), &ignore));
        passes.first(&Keys::inside(range, pmd_size()), &attempt)?;
        passes.rest(&attempt)?;
        passes.verdict()
    }

    /// Every shmem mapping; what is not shmem, or goes away meanwhile, does not
    /// count.
    fn process(&self, process: &Process) -> Result {
        let attempt = |addr: usize, scratch: &mut Scratch, cost: &mut Cost| {
            let outcome = self.at_address(process, addr, scratch, cost)?;
            let counts = !matches!(outcome, Outcome::NotShmem | Outcome::Unmapped);
            Ok(counts.then_some(outcome))
        };
        pin_init::stack_pin_init!(let passes = Passes::new(self.engine, self.config, self.tally, process.pid(), &ignore));
        let mut from = 0;
        while let Some(range) = process.next_range(from) {
            from = range.end;
            if !is_foreign(process, &range) {
                passes.first(&Keys::inside(range, pmd_size()), &attempt)?;
            }
        }
        passes.rest(&attempt)?;
        passes.verdict()
    }

    fn file(&self, mapping: Mapping<'_>, range: Range<usize>) -> Result {
        let attempt = |index: usize, scratch: &mut Scratch, cost: &mut Cost| {
            let located = Located { mapping, index };
            Ok(Some(located.collapse(
                self.engine,
                self.config,
                scratch,
                cost,
            )))
        };
        pin_init::stack_pin_init!(let passes = Passes::new(self.engine, self.config, self.tally, 0, &ignore));
        let range = range.start..range.end.min(one_behind(mapping, range.start));
        passes.first(&Keys::inside(range, pmd_pages()), &attempt)?;
        passes.rest(&attempt)?;
        passes.verdict()
    }

    fn at_address(
        &self,
        process: &Process,
        addr: usize,
        scratch: &mut Scratch,
        cost: &mut Cost,
    ) -> Result<Outcome> {
        if process.is_abandoned() {
            return Err(ESRCH);
        }
        Ok(match locate(process, addr) {
            Ok(place) => Located {
                mapping: place.backing.mapping(),
                index: place.index,
            }
            .collapse(self.engine, self.config, scratch, cost),
            Err(outcome) => outcome,
        })
    }
}

/// Nobody asks what became of each extent.
fn ignore(_key: usize, _outcome: Outcome) {}

/// Where a walk over a file may end: one extent behind the last page, or behind
/// `start`, stands for all that follow, of which none has a page.
fn one_behind(mapping: Mapping<'_>, start: usize) -> usize {
    let mut end = mapping.pages().max(start);
    while let Some(page) = mapping.next_page(end) {
        end = (page | (pmd_pages() - 1)) + 1;
        cond_resched();
        if fatal_signal_pending() {
            break;
        }
    }
    end.saturating_add(2 * pmd_pages())
}
