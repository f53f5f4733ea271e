// SPDX-License-Identifier: GPL-2.0

//! What is known of the extents that are not huge yet, from one look to the next.

use crate::{look::Found, machine::Geometry, shmem::FileId, survey::Extent};
use std::collections::{HashMap, HashSet};

/// Extents that are kept in mind. Others have their turn when these are huge.
const MOST: usize = 1 << 18;

/// Looks after which a huge page is looked at again that the process has not
/// mapped as one: it may have been split.
const RECHECK: u64 = 8;

/// An extent of a file: the file and the offset.
type Key = (usize, u64);

/// What an extent has to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) geometry: Geometry,
    /// The share of pages that has to be in memory, in percent.
    pub(super) percent: u8,
}

impl Rule {
    fn pages(&self) -> u64 {
        self.geometry.pages()
    }

    /// A full extent is ready at once, another one when it has stopped growing.
    fn is_ready(&self, extent: Extent, unchanged: bool) -> bool {
        let enough = extent.present * 100 >= u64::from(self.percent) * self.pages();
        extent.present >= self.pages() || enough && unchanged && extent.present > extent.swapped
    }

    /// Bytes that are charged for good when the extent becomes huge.
    fn growth(&self, extent: Extent) -> u64 {
        self.pages().saturating_sub(extent.present) * self.geometry.page
    }
}

/// What is known of an extent.
#[derive(Debug, Default)]
struct Known {
    /// The look at which it was seen last.
    seen: u64,
    /// The look at which it has its next turn.
    next: u64,
    last: Option<(u64, u64)>,
    tried: bool,
    failures: u32,
}

impl Known {
    /// Takes a look into account: is it time to make the extent huge?
    fn look(&mut self, now: u64, extent: Extent, rule: &Rule) -> bool {
        let content = (extent.present, extent.swapped);
        let unchanged = self.last.replace(content) == Some(content);
        self.seen = now;
        if extent.huge {
            (self.tried, self.failures) = (false, 0);
            self.next = now + RECHECK;
            return false;
        }
        if std::mem::take(&mut self.tried) {
            self.failures = (self.failures + 1).min(6);
            self.next = now + (1 << self.failures);
        }
        now >= self.next && rule.is_ready(extent, unchanged)
    }
}

/// All extents that are kept in mind, in a table that does not grow for ever:
/// what is mapped huge, holes, and what has gone are not in it.
#[derive(Debug)]
pub(super) struct Extents {
    most: usize,
    now: u64,
    files: HashMap<FileId, usize>,
    next_file: usize,
    seen_files: HashSet<usize>,
    known: HashMap<Key, Known>,
}

impl Extents {
    pub(super) fn new() -> Self {
        Self::at_most(MOST)
    }

    fn at_most(most: usize) -> Self {
        Self {
            most,
            now: 0,
            files: HashMap::new(),
            next_file: 0,
            seen_files: HashSet::new(),
            known: HashMap::new(),
        }
    }

    /// Begins a look.
    pub(super) fn begin(&mut self) {
        self.now += 1;
        self.seen_files.clear();
    }

    /// Ends a look: what it has not found has gone.
    pub(super) fn end(&mut self) {
        let Self {
            now,
            files,
            seen_files,
            known,
            ..
        } = self;
        files.retain(|_, file| seen_files.contains(file));
        known.retain(|(file, _), known| {
            seen_files.contains(file) && (known.seen == *now || known.next > *now)
        });
    }

    /// Returns the number of a file, which it keeps as long as each look finds it.
    pub(super) fn file(&mut self, file: FileId) -> usize {
        let number = *self.files.entry(file).or_insert_with(|| {
            self.next_file += 1;
            self.next_file
        });
        self.seen_files.insert(number);
        number
    }

    /// Is there something to learn of the extent at this look?
    pub(super) fn is_wanted(&self, file: usize, offset: u64) -> bool {
        match self.known.get(&(file, offset)) {
            Some(known) => known.seen != self.now && known.next <= self.now,
            None => self.known.len() < self.most,
        }
    }

    /// Takes a look at an extent into account. If its time has come and `has_room`
    /// for so many bytes, it is to be made huge.
    pub(super) fn is_due(
        &mut self,
        file: usize,
        found: Found,
        rule: &Rule,
        has_room: impl FnOnce(u64) -> bool,
    ) -> bool {
        let Found {
            offset,
            extent,
            mapped,
        } = found;
        let key = (file, offset);
        if mapped || extent.present == 0 && extent.swapped == 0 {
            self.known.remove(&key);
            return false;
        }
        let known = self.known.entry(key).or_default();
        // Where there is no room it is no failure: the next look asks again.
        known.tried = known.look(self.now, extent, rule) && has_room(rule.growth(extent));
        known.tried
    }

    /// The extent is not to be asked for again.
    pub(super) fn settle(&mut self, file: usize, offset: u64) {
        if let Some(known) = self.known.get_mut(&(file, offset)) {
            known.next = u64::MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::X86,
        shmem::Mapping,
        survey::{self, Extent},
    };

    fn rule(percent: u8) -> Rule {
        Rule {
            geometry: X86,
            percent,
        }
    }

    fn file(inode: u64) -> FileId {
        mapping(inode).file()
    }

    fn mapping(inode: u64) -> Mapping {
        Mapping {
            inode,
            ..survey::tests::mapping(0..X86.extent, 0)
        }
    }

    fn found(offset: u64, extent: Extent) -> Found {
        Found {
            offset,
            extent,
            mapped: false,
        }
    }

    fn extent(present: u64, huge: bool) -> Extent {
        Extent {
            present,
            huge,
            ..Extent::default()
        }
    }

    /// A look at one extent.
    fn look(extents: &mut Extents, extent: Extent, percent: u8) -> bool {
        extents.begin();
        let number = extents.file(file(7));
        let due = extents.is_wanted(number, 0)
            && extents.is_due(number, found(0, extent), &rule(percent), |_| true);
        extents.end();
        due
    }

    #[test]
    fn a_full_extent_is_due_at_once() {
        assert!(look(&mut Extents::new(), extent(512, false), 100));
        assert!(!look(&mut Extents::new(), extent(512, true), 100));
    }

    #[test]
    fn no_hole_is_filled_unless_told() {
        let mut extents = Extents::new();
        for _ in 0..4 {
            assert!(!look(&mut extents, extent(511, false), 100));
        }
    }

    #[test]
    fn a_growing_extent_is_due_when_it_has_settled() {
        let mut extents = Extents::new();
        assert!(!look(&mut extents, extent(256, false), 50));
        assert!(!look(&mut extents, extent(257, false), 50));
        assert!(look(&mut extents, extent(257, false), 50));
    }

    #[test]
    fn less_than_the_share_is_not_enough() {
        let mut extents = Extents::new();
        for _ in 0..4 {
            assert!(!look(&mut extents, extent(255, false), 50));
        }
        let mut extents = Extents::new();
        assert!(!look(&mut extents, extent(1, false), 0));
        assert!(look(&mut extents, extent(1, false), 0));
    }

    #[test]
    fn what_is_mostly_in_swap_stays_there() {
        let mut extents = Extents::new();
        let swapped = Extent {
            present: 100,
            swapped: 412,
            ..Extent::default()
        };
        for _ in 0..4 {
            assert!(!look(&mut extents, swapped, 1));
        }
    }

    #[test]
    fn a_failure_is_tried_again_later_and_later() {
        let mut extents = Extents::new();
        let due: Vec<_> = (0..16)
            .filter(|_| look(&mut extents, extent(512, false), 100))
            .collect();
        assert_eq!(due, [0, 3, 8]);
    }

    #[test]
    fn a_huge_page_that_is_split_is_found() {
        let mut extents = Extents::new();
        assert!(look(&mut extents, extent(512, false), 100));
        assert!(!look(&mut extents, extent(512, true), 100));
        let due = (0..16).find(|_| look(&mut extents, extent(512, false), 100));
        assert_eq!(due, Some(RECHECK - 1));
    }

    #[test]
    fn no_room_is_no_failure() {
        let mut extents = Extents::new();
        let mut asked = Vec::new();
        for room in [false, false, true] {
            extents.begin();
            let number = extents.file(file(7));
            let due = extents.is_due(number, found(0, extent(512, false)), &rule(100), |growth| {
                asked.push(growth);
                room
            });
            assert_eq!(due, room);
            extents.end();
        }
        assert_eq!(asked, [0; 3]);
        extents.begin();
        let number = extents.file(file(8));
        for _ in 0..2 {
            let _ = extents.is_due(number, found(0, extent(500, false)), &rule(50), |growth| {
                asked.push(growth);
                false
            });
        }
        assert_eq!(asked[3..], [12 * 4096]);
    }

    #[test]
    fn what_has_gone_is_forgotten() {
        let mut extents = Extents::new();
        for inode in 0..100 {
            extents.begin();
            let number = extents.file(file(inode));
            for offset in 0..10 {
                extents.is_due(number, found(offset, extent(1, false)), &rule(100), |_| {
                    true
                });
            }
            extents.end();
        }
        assert_eq!((extents.files.len(), extents.known.len()), (1, 10));
        // Waiting keeps an extent only as long as its file is there.
        extents.begin();
        let number = extents.file(file(99));
        extents.is_due(number, found(0, extent(512, true)), &rule(100), |_| true);
        extents.end();
        extents.begin();
        extents.file(file(99));
        extents.end();
        assert_eq!(extents.known.len(), 1);
        extents.begin();
        extents.end();
        assert_eq!(extents.known.len(), 0);
    }

    #[test]
    fn holes_are_not_remembered() {
        let mut extents = Extents::new();
        for present in [1, 0] {
            extents.begin();
            let number = extents.file(file(7));
            for offset in 0..10 {
                extents.is_due(
                    number,
                    found(offset, extent(present, false)),
                    &rule(0),
                    |_| true,
                );
            }
            assert_eq!(extents.known.len(), 10 * present as usize);
            extents.end();
        }
    }

    #[test]
    fn what_is_mapped_huge_is_not_remembered() {
        let mut extents = Extents::new();
        for (mapped, kept) in [(false, 1), (true, 0)] {
            extents.begin();
            let number = extents.file(file(7));
            let found = Found {
                mapped,
                ..found(0, extent(512, true))
            };
            assert!(!extents.is_due(number, found, &rule(100), |_| true));
            extents.end();
            assert_eq!(extents.known.len(), kept);
        }
    }

    #[test]
    fn the_table_has_an_end() {
        let mut extents = Extents::at_most(2);
        extents.begin();
        let number = extents.file(file(7));
        for offset in 0..10 {
            if extents.is_wanted(number, offset) {
                extents.is_due(number, found(offset, extent(1, false)), &rule(100), |_| {
                    true
                });
            }
        }
        assert_eq!(extents.known.len(), 2);
    }
}
