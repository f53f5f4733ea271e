// SPDX-License-Identifier: GPL-2.0

//! Requests of the administrator.

use super::{
    config::Config,
    keys::Keys,
    locate::is_foreign,
    mapped::Mapped,
    passes::Passes,
    patience::Patience,
    stats::{
        Stats,
        Tally, //
    },
    stay::Stay,
    walk::{
        OfFile,
        OfProcess,
        Walk, //
    }, //
};
use crate::{
    mm::{
        backing::{
            Backing,
            Mapping, //
        },
        process::Process, //
    },
    pgtable::pmd_size::{
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
        /// End address, exclusive.
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
        /// End page offset, exclusive.
        end: u64,
    },
    /// The whole of a file.
    File {
        /// Absolute path of the file.
        path: &'a CStr,
    },
}

impl Request<'_> {
    /// Carries the request out. Every extent is tried, even if others fail.
    ///
    /// The error is that of the first extent (in the order of addresses or offsets) that is not
    /// huge at the end, or the reason why the request ended early: `EINTR` if the caller is killed
    /// or the module is unloaded, `ERESTARTNOHAND` if the caller has another signal, is frozen,
    /// stopped or traced, `ESRCH` if the process is being killed. `own` counts this request only.
    /// Context: sleeps.
    pub(crate) fn run(&self, config: &Config, stay: &Stay<'_>, own: Option<&Stats>) -> Result {
        let tally = Tally::new(stay.engine().stats(), own);
        let job = Job {
            config,
            stay,
            tally,
            patience: Patience::new(config.patience),
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
    patience: Patience,
}

impl Job<'_> {
    fn passes<'w, W: Walk>(
        &'w self,
        walk: &'w W,
        pid: i32,
    ) -> impl PinInit<Passes<'w, W>> + use<'w, W> {
        Passes::new(
            self.stay,
            self.config,
            &self.patience,
            self.tally,
            walk,
            pid,
        )
    }

    fn range(&self, process: &Process, range: Range<usize>) -> Result {
        if range.start > range.end || range.end > process.task_size() {
            return Err(EINVAL);
        }
        pin_init::stack_pin_init!(let mapped = Mapped::new());
        let walk = OfProcess::range(process, &mapped);
        pin_init::stack_pin_init!(let passes = self.passes(&walk, process.pid()));
        passes.first(&Keys::inside(range, pmd_size()))?;
        passes.rest()?;
        passes.verdict()
    }

    /// Collapses every shmem mapping of a process.
    fn process(&self, process: &Process) -> Result {
        pin_init::stack_pin_init!(let mapped = Mapped::new());
        let walk = OfProcess::whole(process, &mapped);
        pin_init::stack_pin_init!(let passes = self.passes(&walk, process.pid()));
        let mut from = 0;
        while let Some(range) = process.next_range(from) {
            from = range.end;
            self.stay.note_step();
            passes.go_on()?;
            if !is_foreign(process, &range) {
                passes.first(&Keys::inside(range, pmd_size()))?;
            }
        }
        passes.rest()?;
        passes.verdict()
    }

    fn file(&self, mapping: Mapping<'_>, range: Range<usize>) -> Result {
        let walk = OfFile(mapping);
        pin_init::stack_pin_init!(let passes = self.passes(&walk, 0));
        let range = range.start..range.end.min(self.one_behind(mapping, range.start)?);
        passes.first(&Keys::inside(range, pmd_pages()))?;
        passes.rest()?;
        passes.verdict()
    }

    /// Returns where a walk over a file may end: one extent behind the last page, or behind
    /// `start`, represents all that follow, of which none has a page.
    fn one_behind(&self, mapping: Mapping<'_>, start: usize) -> Result<usize> {
        let mut end = mapping.pages().max(start);
        while let Some(page) = mapping.next_page(end) {
            end = (page | (pmd_pages() - 1)) + 1;
            self.stay.step()?;
        }
        Ok(end.saturating_add(2 * pmd_pages()))
    }
}
