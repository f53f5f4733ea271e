// SPDX-License-Identifier: GPL-2.0

//! What the user asks for, and how it is worked off.

use super::{
    config::Config,
    extent::Located,
    locate::{
        holes,
        is_foreign,
        locate,
        stretch, //
    },
    mapped::Mapped,
    outcome::Outcome,
    passes::{
        Keys,
        Passes,
        Walk, //
    },
    stats::{
        Cost,
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
        process::Process,
        sources::Scratch, //
    },
    pgtable::pmd_size::{
        pmd_pages,
        pmd_size, //
    },
    support::task::cond_resched, //
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
    /// offsets) that is not huge at the end, or why the request ended early:
    /// `EINTR` when the caller is killed or the module goes, `ERESTARTNOHAND` when
    /// the caller is wanted elsewhere, `ESRCH` when the process is being killed.
    /// `own` counts what this request alone does. Context: sleeps.
    pub(crate) fn run(&self, config: &Config, stay: &Stay<'_>, own: Option<&Stats>) -> Result {
        let tally = Tally::new(stay.engine().stats(), own);
        let job = Job {
            config,
            stay,
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
    stay: &'e Stay<'e>,
    tally: Tally<'e>,
}

impl Job<'_> {
    fn passes(&self, pid: i32) -> impl PinInit<Passes<'_>> + use<'_> {
        Passes::new(self.stay, self.config, self.tally, pid, &ignore)
    }

    fn range(&self, process: &Process, range: Range<usize>) -> Result {
        if range.start > range.end || range.end > process.task_size() {
            return Err(EINVAL);
        }
        pin_init::stack_pin_init!(let mapped = Mapped::new());
        let walk = OfProcess {
            job: self,
            process,
            mapped: &mapped,
            whole: false,
        };
        pin_init::stack_pin_init!(let passes = self.passes(process.pid()));
        passes.first(&Keys::inside(range, pmd_size()), &walk)?;
        passes.rest(&walk)?;
        passes.verdict()
    }

    /// Every shmem mapping; what is not shmem, or goes away meanwhile, does not
    /// count.
    fn process(&self, process: &Process) -> Result {
        pin_init::stack_pin_init!(let mapped = Mapped::new());
        let walk = OfProcess {
            job: self,
            process,
            mapped: &mapped,
            whole: true,
        };
        pin_init::stack_pin_init!(let passes = self.passes(process.pid()));
        let mut from = 0;
        while let Some(range) = process.next_range(from) {
            from = range.end;
            self.stay.note_step();
            passes.go_on()?;
            if !is_foreign(process, &range) {
                passes.first(&Keys::inside(range, pmd_size()), &walk)?;
            }
        }
        passes.rest(&walk)?;
        passes.verdict()
    }

    fn file(&self, mapping: Mapping<'_>, range: Range<usize>) -> Result {
        let walk = OfFile { job: self, mapping };
        pin_init::stack_pin_init!(let passes = self.passes(0));
        let range = range.start..range.end.min(self.one_behind(mapping, range.start)?);
        passes.first(&Keys::inside(range, pmd_pages()), &walk)?;
        passes.rest(&walk)?;
        passes.verdict()
    }

    /// Where a walk over a file may end: one extent behind the last page, or behind
    /// `start`, stands for all that follow, of which none has a page.
    fn one_behind(&self, mapping: Mapping<'_>, start: usize) -> Result<usize> {
        let mut end = mapping.pages().max(start);
        while let Some(page) = mapping.next_page(end) {
            end = (page | (pmd_pages() - 1)) + 1;
            self.stay.note_step();
            self.stay.check()?;
            cond_resched();
        }
        Ok(end.saturating_add(2 * pmd_pages()))
    }

    /// The administrator's cpuset says nothing about where the memory of others
    /// may lie, and must not decide what becomes of the extent.
    fn collapse(
        &self,
        (mapping, index): (Mapping<'_>, usize),
        mapped: Option<&Mapped>,
        scratch: &mut Scratch,
        cost: &mut Cost,
    ) -> Outcome {
        let located = Located {
            mapping,
            index,
            mapped,
        };
        let job = || located.collapse(self.stay, self.config, scratch, cost);
        let workers = self.stay.engine().workers();
        workers.on_all_nodes(job)
    }
}

/// Addresses of a process.
struct OfProcess<'r> {
    job: &'r Job<'r>,
    process: &'r Process,
    mapped: &'r Mapped,
    /// All that it has of shmem, and nothing that it has not.
    whole: bool,
}

impl Walk for OfProcess<'_> {
    fn attempt(&self, addr: usize, scratch: &mut Scratch, cost: &mut Cost) -> Result<Outcome> {
        if !self.process.is_in_use() {
            return Err(ESRCH);
        }
        Ok(match locate(self.process, addr) {
            Ok(place) => {
                let mapping = place.backing.mapping();
                self.job
                    .collapse((mapping, place.index), Some(self.mapped), scratch, cost)
            }
            Err(outcome) => outcome,
        })
    }

    fn stretch(&self, addr: usize, most: usize, outcome: Outcome) -> usize {
        stretch(self.process, addr, most, outcome)
    }

    fn counts(&self, outcome: Outcome) -> bool {
        !self.whole || !matches!(outcome, Outcome::NotShmem | Outcome::Unmapped)
    }
}

/// Page offsets in a file.
struct OfFile<'r> {
    job: &'r Job<'r>,
    mapping: Mapping<'r>,
}

impl Walk for OfFile<'_> {
    fn attempt(&self, index: usize, scratch: &mut Scratch, cost: &mut Cost) -> Result<Outcome> {
        Ok(self
            .job
            .collapse((self.mapping, index), None, scratch, cost))
    }

    fn stretch(&self, index: usize, most: usize, outcome: Outcome) -> usize {
        holes(self.mapping, index, most, outcome)
    }
}

/// Nobody asks what became of each extent.
fn ignore(_key: usize, _outcome: Outcome, _extents: usize) {}
