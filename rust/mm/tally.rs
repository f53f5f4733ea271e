// SPDX-License-Identifier: GPL-2.0

//! Finding the numbers that occur most often.

/// Votes for numbers, sorted.
///
/// The count is exact, however many numbers there are: every vote has a place of its own.
pub(super) struct Tally<'t>(&'t mut [u32]);

impl<'t> Tally<'t> {
    /// Counts `votes`, a number and how many vote for it, as long as there is `room` for them.
    pub(super) fn count(room: &'t mut [u32], votes: impl Iterator<Item = (u32, usize)>) -> Self {
        let mut nr = 0usize;
        for (number, more) in votes {
            let end = nr.saturating_add(more).min(room.len());
            if let Some(places) = room.get_mut(nr..end) {
                places.fill(number);
            }
            nr = end;
        }
        let (votes, _) = room.split_at_mut(nr);
        sort(votes);
        Self(votes)
    }

    /// Returns the number of votes for `number`.
    pub(super) fn of(&self, number: u32) -> usize {
        let before = self.0.partition_point(|vote| *vote < number);
        let behind = self.0.partition_point(|vote| *vote <= number);
        behind - before
    }

    /// Returns the most votes that a number has.
    pub(super) fn most(&self) -> usize {
        let same = self.0.chunk_by(|one, next| one == next);
        same.map(<[u32]>::len).max().unwrap_or(0)
    }
}

/// Sorts by a heap: as fast for every order there is, without more memory.
fn sort(numbers: &mut [u32]) {
    for root in (0..numbers.len() / 2).rev() {
        sift(numbers, root);
    }
    for end in (1..numbers.len()).rev() {
        numbers.swap(0, end);
        if let Some(heap) = numbers.get_mut(..end) {
            sift(heap, 0);
        }
    }
}

/// Moves the number at `root` down until none below it is larger.
fn sift(heap: &mut [u32], mut root: usize) {
    loop {
        let left = 2 * root + 1;
        let larger = match heap.get(left..) {
            Some([one, other, ..]) if one < other => left + 1,
            Some([_, ..]) => left,
            _ => return,
        };
        if heap.get(larger) <= heap.get(root) {
            return;
        }
        heap.swap(root, larger);
        root = larger;
    }
}

#[kernel::prelude::kunit_tests(shmem_collapse_tally)]
mod tests {
    use super::super::tally::Tally;

    /// Enough for the tests, and little enough for a kernel's stack.
    const ROOM: [u32; 256] = [0; 256];

    fn won<const N: usize>(votes: [(u32, usize); N]) -> [bool; N] {
        let mut room = ROOM;
        let tally = Tally::count(&mut room, votes.into_iter());
        votes.map(|(number, _)| tally.of(number) == tally.most())
    }

    #[test]
    fn one_more_is_enough() {
        assert_eq!(won([(7, 63), (9, 65), (7, 1)]), [false, true, false]);
    }

    #[test]
    fn no_majority_is_needed() {
        assert_eq!(won([(1, 80), (2, 80), (3, 81)]), [false, false, true]);
    }

    #[test]
    fn ties_have_several_winners() {
        assert_eq!(won([(5, 3), (4, 3), (1, 2)]), [true, true, false]);
    }

    #[test]
    fn votes_that_cancel_each_other_elect_nobody() {
        let mut room = ROOM;
        let votes = (0..254).map(|nr| (1 + nr % 2, 1)).chain([(3, 2)]);
        let tally = Tally::count(&mut room, votes);
        assert_eq!(tally.most(), 127);
        assert_eq!(tally.of(3), 2);
    }

    #[test]
    fn hundreds_are_counted() {
        let mut room = ROOM;
        let votes = (0..254).map(|nr| (nr * 91 % 254, 1)).chain([(100, 1)]);
        let tally = Tally::count(&mut room, votes);
        assert_eq!(tally.most(), 2);
        assert_eq!(tally.of(100), 2);
        assert!((0..254).all(|nr| nr == 100 || tally.of(nr) == 1));
    }

    #[test]
    fn nobody_votes() {
        let tally = Tally::count(&mut [], core::iter::once((1, 1)));
        assert_eq!(tally.most(), 0);
        assert_eq!(tally.of(1), 0);
    }
}
