// SPDX-License-Identifier: GPL-2.0

//! `run`: starts a program and makes its shared memory huge as it grows.

use crate::{
    Verdict,
    cli::RunArgs,
    collapse, look,
    machine::Geometry,
    module::Loaded,
    name::Name,
    proc::{Proc, Stat},
    request::Request,
    shmem::{FileId, Mapping, Memory},
    survey::Extent,
};
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};
use serde_json::json;
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a request for a signal or the program's end may go unnoticed.
const NAP: Duration = Duration::from_millis(20);

/// An extent of a file: the file and the offset.
type Key = (usize, u64);

/// What is known of an extent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    last: Option<(u64, u64)>,
    tried: bool,
    failures: u32,
    /// Looks to let pass.
    wait: u32,
    huge: bool,
}

impl Known {
    /// Takes a look into account: is it time to make the extent huge?
    fn look(&mut self, extent: Extent, pages: u64, full_only: bool) -> bool {
        let now = (extent.present, extent.swapped);
        let unchanged = self.last.replace(now) == Some(now);
        self.huge = extent.huge;
        if self.huge {
            return false;
        }
        if std::mem::take(&mut self.tried) {
            self.failures = (self.failures + 1).min(6);
            self.wait = 1 << self.failures;
        }
        if self.wait > 0 {
            self.wait -= 1;
            return false;
        }
        let full = extent.present == pages;
        let settled = unchanged && extent.present > extent.swapped;
        self.tried = full || settled && !full_only;
        self.tried
    }
}

/// What the looks come to.
struct Watch<'a> {
    args: &'a RunArgs,
    geometry: Geometry,
    module: Option<Loaded>,
    /// Ends the request that runs.
    stop: Arc<AtomicBool>,
    files: HashMap<FileId, usize>,
    known: HashMap<Key, Known>,
    collapsed: u64,
    already_huge: u64,
    failed: u64,
    due: u64,
}

pub(crate) fn run(args: &RunArgs) -> Result<Verdict> {
    let geometry = Geometry::of_machine()?;
    let mut watch = Watch {
        args,
        geometry,
        module: if args.dry_run {
            None
        } else {
            Some(Loaded::open()?)
        },
        stop: collapse::stop_flag()?,
        files: HashMap::new(),
        known: HashMap::new(),
        collapsed: 0,
        already_huge: 0,
        failed: 0,
        due: 0,
    };
    // Daemons that the program leaves behind stay ours to look at.
    set_child_subreaper(Some(getpid())).context("cannot watch over daemons")?;
    let (program, arguments) = args.command.split_first().context("no program is named")?;
    let mut child = Command::new(program)
        .args(arguments)
        .spawn()
        .with_context(|| format!("{} cannot be started", Name::from(program.as_os_str())))?;
    let status = watch.until_end(&mut child)?;
    watch.report()?;
    Ok(Verdict::Status(code(status)))
}

/// The status as a shell has it.
fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    code as u8
}

impl Watch<'_> {
    fn until_end(&mut self, child: &mut Child) -> Result<ExitStatus> {
        let interval = Duration::from_secs_f64(self.args.interval);
        let mut next = Instant::now() + interval;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            // A terminal has told the program too; another sender may not have.
            if self.stop.swap(false, Ordering::Relaxed) {
                let pid = Pid::from_child(child);
                let _ = kill_process(pid, Signal::TERM);
            }
            if Instant::now() >= next {
                self.look();
                // After a look, not from its beginning: one that takes long
                // must not be all that we do.
                next = Instant::now() + interval;
            }
            thread::sleep(NAP.min(interval));
        }
    }

    /// One look at everything that the program has mapped.
    fn look(&mut self) {
        let mut seen = HashSet::new();
        for pid in descendants() {
            // It may have ended meanwhile, or be none of ours to look at.
            let Ok(mut memory) = Memory::of(pid) else {
                continue;
            };
            for mapping in memory.mappings().unwrap_or_default() {
                if mapping.is_aligned(self.geometry) {
                    let due = self.due_in(&memory, &mapping, &mut seen);
                    self.collapse(pid, due);
                }
            }
        }
    }

    /// Runs of extents whose time has come.
    fn due_in(
        &mut self,
        memory: &Memory,
        mapping: &Mapping,
        seen: &mut HashSet<Key>,
    ) -> Vec<Range<u64>> {
        let next = self.files.len();
        let file = *self.files.entry(mapping.file()).or_insert(next);
        let key = |offset| (file, offset);
        let wanted = |offset| {
            let key = key(offset);
            !seen.contains(&key) && self.known.get(&key).is_none_or(|known| !known.huge)
        };
        let cells = look::some_of_mapping(memory, mapping, self.geometry, wanted);
        let inside = mapping.extents_inside(self.geometry);
        let mut due = Vec::<Range<u64>>::new();
        for cell in cells.unwrap_or_default() {
            if !inside.contains(&cell.at) {
                continue;
            }
            let key = key(mapping.offset + (cell.at - mapping.addresses.start));
            seen.insert(key);
            let known = self.known.entry(key).or_default();
            if !known.look(cell.extent, self.geometry.pages(), self.args.full_only) {
                continue;
            }
            match due.last_mut() {
                Some(last) if last.end == cell.at => last.end += self.geometry.extent,
                _ => due.push(cell.at..cell.at + self.geometry.extent),
            }
        }
        due
    }

    fn collapse(&mut self, pid: i32, ranges: Vec<Range<u64>>) {
        for range in ranges {
            self.due += (range.end - range.start) / self.geometry.extent;
            let Some(module) = &self.module else {
                continue;
            };
            let request = Request::Range(pid, range);
            // A request that is refused because the process ends is not worth a word.
            if let Ok(done) = request.make(module, self.geometry, &self.stop) {
                self.collapsed += done.figure("collapsed");
                self.already_huge += done.figure("already_huge");
                self.failed += done.figure("failed");
            }
        }
    }

    fn report(&self) -> Result<()> {
        if self.args.json {
            let summary = json!({
                "extent_bytes": self.geometry.extent,
                "extents_due": self.due,
                "collapsed": self.collapsed,
                "already_huge": self.already_huge,
                "failed": self.failed,
            });
            eprintln!("{}", serde_json::to_string_pretty(&summary)?);
        } else if self.args.quiet {
        } else if self.args.dry_run {
            anstream::eprintln!("shmem-collapse: {} extents were due", self.due);
        } else {
            anstream::eprintln!(
                "shmem-collapse: collapsed {}, already huge {}, failed {}",
                self.collapsed,
                self.already_huge,
                self.failed
            );
        }
        Ok(())
    }
}

/// All processes that descend from this one.
fn descendants() -> Vec<i32> {
    descendants_of(getpid().as_raw_nonzero().get(), &Proc::default().stats())
}

fn descendants_of(ancestor: i32, stats: &[Stat]) -> Vec<i32> {
    let mut found = vec![ancestor];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(
            stats
                .iter()
                .filter(|stat| stat.parent == parent)
                .map(|stat| stat.pid),
        );
        at += 1;
    }
    found.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(present: u64, huge: bool) -> Extent {
        Extent {
            present,
            huge,
            ..Extent::default()
        }
    }

    #[test]
    fn a_full_extent_is_due_at_once() {
        assert!(Known::default().look(extent(512, false), 512, true));
        assert!(!Known::default().look(extent(512, true), 512, true));
    }

    #[test]
    fn a_growing_extent_is_due_when_it_has_settled() {
        let mut known = Known::default();
        assert!(!known.look(extent(100, false), 512, false));
        assert!(!known.look(extent(101, false), 512, false));
        assert!(known.look(extent(101, false), 512, false));
        let mut known = Known::default();
        for _ in 0..3 {
            assert!(!known.look(extent(100, false), 512, true));
        }
    }

    #[test]
    fn holes_are_never_due() {
        let mut known = Known::default();
        for _ in 0..3 {
            assert!(!known.look(extent(0, false), 512, false));
        }
    }

    #[test]
    fn a_failure_is_tried_again_later_and_later() {
        let mut known = Known::default();
        let due: Vec<_> = (0..16)
            .filter(|_| known.look(extent(512, false), 512, true))
            .collect();
        assert_eq!(due, [0, 3, 8]);
    }

    #[test]
    fn descendants_of_all_generations() {
        let stats: Vec<_> = [(1, 0), (10, 1), (11, 10), (12, 11), (20, 1), (13, 10)]
            .iter()
            .map(|(pid, parent)| {
                let zeroes = "0 ".repeat(48);
                let line = format!("{pid} (x) S {parent} {zeroes}");
                Stat::parse(line.as_bytes()).unwrap()
            })
            .collect();
        assert_eq!(descendants_of(10, &stats), [11, 13, 12]);
        assert!(descendants_of(12, &stats).is_empty());
    }
}
