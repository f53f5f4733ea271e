// SPDX-License-Identifier: GPL-2.0

//! Looks at what the program has mapped, and makes huge what is ready.
//!
//! A thread does that: a look or a request may take long, and signals and
//! children do not wait.

use super::{
    extents::{Extents, Rule},
    family,
    room::Hierarchies,
};
use crate::{
    look::Look,
    machine::Geometry,
    module::Loaded,
    request::Request,
    shmem::{Mapping, Memory, by_file},
};
use std::{
    io,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

/// How long the thread may take to end its work. It is left alone then: it ends
/// with the process.
const PATIENCE: Duration = Duration::from_millis(300);

/// Extents in one request.
const AT_ONCE: u64 = 64;

/// Mappings that are asked for one extent of a file.
const OVERLAPS: usize = 16;

/// What the looks came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) due: u64,
    pub(super) collapsed: u64,
    pub(super) already_huge: u64,
    pub(super) failed: u64,
}

/// What to look for, and what to do about it.
pub(super) struct Task {
    pub(super) interval: Duration,
    pub(super) rule: Rule,
    /// Without one it is only counted what is ready.
    pub(super) module: Option<Loaded>,
    /// A process of the wrapper's own.
    pub(super) witness: Option<i32>,
}

/// The thread that looks.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: thread::Thread,
    counts: Receiver<Counts>,
}

impl Watch {
    pub(super) fn start(task: Task) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, counts) = mpsc::channel();
        let looker = Looker {
            task,
            stop: Arc::clone(&stop),
            hierarchies: Hierarchies::of_machine(),
            extents: Extents::new(),
            counts: Counts::default(),
            sender,
        };
        let thread = thread::Builder::new()
            .name("watch".into())
            .spawn(move || looker.work())?
            .thread()
            .clone();
        Ok(Self {
            stop,
            thread,
            counts,
        })
    }

    /// Ends the looks, and returns what they came to.
    pub(super) fn end(self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
        let deadline = Instant::now() + PATIENCE;
        let mut last = Counts::default();
        while let Ok(counts) = self
            .counts
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            last = counts;
        }
        last
    }
}

struct Looker {
    task: Task,
    stop: Arc<AtomicBool>,
    hierarchies: Hierarchies,
    extents: Extents,
    counts: Counts,
    sender: Sender<Counts>,
}

impl Looker {
    fn work(mut self) {
        loop {
            // After a look, not from its beginning: one that takes long must not
            // be all that is done.
            thread::park_timeout(self.task.interval);
            if self.is_over() {
                return;
            }
            self.look();
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn say(&self) {
        // The wrapper may be about to end.
        let _ = self.sender.send(self.counts);
    }

    /// One look at everything that the program has mapped.
    fn look(&mut self) {
        self.extents.begin();
        for pid in family::descendants(std::process::id() as i32) {
            if self.task.witness == Some(pid) {
                continue;
            }
            // It may have ended meanwhile, or be none of ours to look at.
            let Ok(mut memory) = Memory::of(pid) else {
                continue;
            };
            let mut mappings = memory.mappings().unwrap_or_default();
            mappings.retain(|mapping| mapping.is_aligned(self.task.rule.geometry));
            if mappings.is_empty() {
                continue;
            }
            for file in by_file(&mappings) {
                self.look_at(pid, &memory, &file);
                if self.is_over() {
                    return;
                }
            }
        }
        self.extents.end();
    }

    /// Looks at the mappings of one file, and makes huge what is ready.
    fn look_at(&mut self, pid: i32, memory: &Memory, file: &[&Mapping]) {
        let rule = self.task.rule;
        let extent = rule.geometry.extent;
        let Some(number) = file.first().map(|first| self.extents.file(first.file())) else {
            return;
        };
        // What cannot be looked at now may be at the next look.
        let Ok(Some(mut look)) = Look::at(memory, file, rule.geometry) else {
            return;
        };
        let places = Places::of(file, rule.geometry);
        let mut batch = Batch::default();
        while !self.is_over() {
            let wanted =
                |offset| places.address(offset).is_some() && self.extents.is_wanted(number, offset);
            let Ok(Some(found)) = look.next(wanted) else {
                break;
            };
            let Some(at) = places.address(found.offset) else {
                continue;
            };
            // Asked anew for each: the program grows meanwhile, and what is still to
            // be requested has not been charged yet.
            let rooms = (&self.hierarchies, pid, batch.growth);
            let mut grows = 0;
            let has_room = |growth| {
                grows = growth;
                has_room(rooms, growth, extent)
            };
            if !self.extents.is_due(number, found, &rule, has_room) {
                continue;
            }
            if self.task.module.is_none() {
                self.extents.settle(number, found.offset);
            }
            if !batch.takes(at, AT_ONCE.saturating_mul(extent)) {
                self.collapse(pid, &batch);
                batch = Batch::default();
            }
            batch.add(at..at.saturating_add(extent), grows);
        }
        self.collapse(pid, &batch);
    }

    /// Makes a run of extents huge.
    fn collapse(&mut self, pid: i32, batch: &Batch) {
        let geometry = self.task.rule.geometry;
        if batch.addresses.is_empty() || self.is_over() {
            return;
        }
        self.counts.due += (batch.addresses.end - batch.addresses.start) / geometry.extent;
        if let Some(module) = &self.task.module {
            let request = Request::Range(pid, batch.addresses.clone());
            // One that is refused because the process ends is not worth a word.
            if let Ok(done) = request.make(module, geometry, &self.stop) {
                self.counts.collapsed += done.figure("collapsed");
                self.counts.already_huge += done.figure("already_huge");
                self.counts.failed += done.figure("failed");
            }
        }
        self.say();
    }
}

/// Is there room, whoever of the two pays, beside what is to be requested?
fn has_room(
    (hierarchies, pid, waiting): (&Hierarchies, i32, u64),
    growth: u64,
    extent: u64,
) -> bool {
    let own = hierarchies.room_of(std::process::id() as i32);
    let room = own.and(hierarchies.room_of(pid));
    // What waits counts only for those that grow.
    let growth = if growth == 0 {
        0
    } else {
        growth.saturating_add(waiting)
    };
    room.has(growth, extent)
}

/// Extents that one request is to be about.
#[derive(Debug, Default)]
struct Batch {
    addresses: Range<u64>,
    /// Bytes that it is charged for good.
    growth: u64,
}

impl Batch {
    /// May an extent at this address be added?
    fn takes(&self, at: u64, most: u64) -> bool {
        self.addresses.is_empty()
            || self.addresses.end == at && at.saturating_sub(self.addresses.start) < most
    }

    fn add(&mut self, extent: Range<u64>, growth: u64) {
        if self.addresses.is_empty() {
            self.addresses.start = extent.start;
        }
        self.addresses.end = extent.end;
        self.growth = self.growth.saturating_add(growth);
    }
}

/// Where a process has the extents of a file.
struct Places {
    /// Offsets of whole extents and the address of the first, in order.
    parts: Vec<(Range<u64>, u64)>,
}

impl Places {
    fn of(mappings: &[&Mapping], geometry: Geometry) -> Self {
        let mut parts: Vec<_> = mappings
            .iter()
            .filter_map(|mapping| {
                let shown = mapping.shown();
                let start = geometry.ceil(shown.start);
                let end = geometry.floor(shown.end);
                Some((start..end, mapping.address_of(start)?))
            })
            .filter(|(part, _)| !part.is_empty())
            .collect();
        parts.sort_by_key(|(part, _)| (part.start, part.end));
        // Of those that begin at one offset the longest comes last, and is found.
        Self { parts }
    }

    /// The address of the extent at an offset, if it is mapped as a whole.
    fn address(&self, offset: u64) -> Option<u64> {
        let after = self.parts.partition_point(|(part, _)| part.start <= offset);
        let before = self.parts.get(..after)?.iter().rev();
        // Mappings of one file seldom overlap, and then a few of them.
        let mut candidates = before.take(OVERLAPS);
        let (part, address) = candidates.find(|(part, _)| part.contains(&offset))?;
        address.checked_add(offset.checked_sub(part.start)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::X86,
        survey::tests::{M, mapping},
    };

    #[test]
    fn an_extent_has_an_address_where_all_of_it_is_mapped() {
        let mappings = [
            mapping(64 * M..68 * M, 0),
            mapping(80 * M..83 * M, 8 * M),
            mapping(100 * M..101 * M, 12 * M),
            mapping(121 * M..124 * M, 3 * M),
        ];
        let places = Places::of(&mappings.iter().collect::<Vec<_>>(), X86);
        for (offset, address) in [
            (0, Some(64 * M)),
            (2 * M, Some(66 * M)),
            (4 * M, Some(122 * M)),
            (6 * M, None),
            (8 * M, Some(80 * M)),
            (10 * M, None),
            (12 * M, None),
        ] {
            assert_eq!(places.address(offset), address, "{offset:#x}");
        }
    }

    #[test]
    fn a_batch_is_one_run_and_not_too_long() {
        let mut batch = Batch::default();
        for at in [4 * M, 6 * M, 8 * M] {
            assert!(batch.takes(at, 6 * M));
            batch.add(at..at + 2 * M, M);
        }
        assert_eq!(
            (batch.addresses.clone(), batch.growth),
            (4 * M..10 * M, 3 * M)
        );
        // Long enough, or elsewhere.
        assert!(!batch.takes(10 * M, 6 * M));
        assert!(!batch.takes(12 * M, 60 * M));
    }

    #[test]
    fn mappings_of_one_offset_may_differ_in_length() {
        let mappings = [
            mapping(64 * M..80 * M, 0),
            mapping(100 * M..102 * M, 0),
            mapping(110 * M..112 * M, 4 * M),
        ];
        let places = Places::of(&mappings.iter().collect::<Vec<_>>(), X86);
        assert_eq!(places.address(14 * M), Some(78 * M));
        assert_eq!(places.address(4 * M), Some(110 * M));
        assert_eq!(places.address(16 * M), None);
    }
}
