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
    passes::Passes,
    stats::Cost, //
};
use crate::{
    mm::{
        Backing,
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
    /// killed or the module goes. Context: sleeps.
    pub(crate) fn run(&self, config: &Config, engine: &Engine) -> Result {
        engine.stats().record_request();
        let mut scratch = Scratch::new()?;
        match self {
            Self::Range { pid, start, end } => {
                let process = Process::open(*pid)?;
                if start > end || *end > process.task_size() {
                    return Err(EINVAL);
                }
                let mut passes = Passes::new(engine);
                passes.first(whole(*start..*end, pmd_size()), |addr, cost| {
                    at_address(&process, addr, engine, config, &mut scratch, cost)
                })?;
                passes.rest(|addr, cost| {
                    at_address(&process, addr, engine, config, &mut scratch, cost)
                })
            }
            Self::Process { pid } => {
                let process = Process::open(*pid)?;
                let mut passes = Passes::new(engine);
                let mut from = 0;
                while let Some(range) = process.next_range(from) {
                    from = range.end;
                    if is_foreign(&process, &range) {
                        continue;
                    }
                    passes.first(whole(range, pmd_size()), |addr, cost| {
                        in_process(&process, addr, engine, config, &mut scratch, cost)
                    })?;
                }
                passes.rest(|addr, cost| {
                    in_process(&process, addr, engine, config, &mut scratch, cost)
                })
            }
            Self::FileRange { path, start, end } => {
                let backing = Backing::from_path(path)?;
                let range = usize::try_from(*start)?..usize::try_from(*end)?;
                in_file(&backing, range, engine, config, &mut scratch)
            }
            Self::File { path } => {
                let backing = Backing::from_path(path)?;
                let range = 0..backing.mapping().pages();
                in_file(&backing, range, engine, config, &mut scratch)
            }
        }
    }
}

/// Rounds inwards to whole extents of `size`, a power of two, and steps through
/// them.
fn whole(range: Range<usize>, size: usize) -> impl Iterator<Item = usize> {
    let end = range.end & !(size - 1);
    let mut next = range.start.checked_add(size - 1).map(|at| at & !(size - 1));
    core::iter::from_fn(move || {
        let at = next.filter(|at| *at < end)?;
        next = at.checked_add(size);
        Some(at)
    })
}

fn at_address(
    process: &Process,
    addr: usize,
    engine: &Engine,
    config: &Config,
    scratch: &mut Scratch,
    cost: &mut Cost,
) -> Result<Option<Outcome>> {
    if process.is_abandoned() {
        return Err(ESRCH);
    }
    Ok(Some(match locate(process, addr) {
        Ok((backing, index)) => Located {
            mapping: backing.mapping(),
            index,
        }
        .collapse(engine, config, scratch, cost),
        Err(outcome) => outcome,
    }))
}

/// As [`at_address`], but what is not shmem does not count.
fn in_process(
    process: &Process,
    addr: usize,
    engine: &Engine,
    config: &Config,
    scratch: &mut Scratch,
    cost: &mut Cost,
) -> Result<Option<Outcome>> {
    let outcome = at_address(process, addr, engine, config, scratch, cost)?;
    Ok(outcome.filter(|outcome| !matches!(outcome, Outcome::NotShmem | Outcome::Unmapped)))
}

fn in_file(
    backing: &Backing,
    range: Range<usize>,
    engine: &Engine,
    config: &Config,
    scratch: &mut Scratch,
) -> Result {
    let mapping = backing.mapping();
    let mut passes = Passes::new(engine);
    let mut collapse = |index, cost: &mut Cost| {
        let located = Located { mapping, index };
        Ok(Some(located.collapse(engine, config, scratch, cost)))
    };
    let mut over = false;
    // Behind the end of the file and its last page one extent stands for all.
    let extents = whole(range, pmd_pages()).take_while(|index| {
        let more = !over;
        over = *index >= mapping.pages() && !mapping.has_pages_from(*index);
        more
    });
    passes.first(extents, &mut collapse)?;
    passes.rest(&mut collapse)
}
