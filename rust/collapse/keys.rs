// SPDX-License-Identifier: GPL-2.0

//! The extents of a request, in their order.

use core::ops::Range;

/// Rounds up to a multiple of `step`, a power of two, or down to the last multiple if there is no
/// higher one.
pub(super) fn round_up(key: usize, step: usize) -> usize {
    key.checked_add(step - 1).unwrap_or(usize::MAX) & !(step - 1)
}

/// The keys of extents, addresses or page indices, from a range rounded inwards.
pub(super) struct Keys {
    first: usize,
    step: usize,
    count: usize,
    /// The number of keys that follow, which a stretch may reach into.
    behind: usize,
}

impl Keys {
    /// Rounds `range` inwards. `step`, a power of two, is the distance between two extents.
    pub(super) fn inside(range: Range<usize>, step: usize) -> Self {
        let end = range.end & !(step - 1);
        let first = round_up(range.start, step).min(end);
        Self {
            first,
            step,
            count: (end - first) >> step.trailing_zeros(),
            behind: 0,
        }
    }

    /// Returns key number `nr`.
    pub(super) fn key(&self, nr: usize) -> usize {
        self.first + nr * self.step
    }

    /// Returns the number of `key`: the opposite of `key()`.
    pub(super) fn position(&self, key: usize) -> usize {
        (key - self.first) >> self.step.trailing_zeros()
    }

    /// Returns the number of keys.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of keys from number `nr` on, including those behind the end.
    pub(super) fn from(&self, nr: usize) -> usize {
        (self.count + self.behind).saturating_sub(nr)
    }

    /// Splits up to `most` keys off the front.
    pub(super) fn take_front(&mut self, most: usize) -> Option<Self> {
        let count = self.count.min(most);
        let behind = self.count - count;
        let front = Self {
            count,
            behind,
            ..*self
        };
        self.first += count * self.step;
        self.count = behind;
        (count > 0).then_some(front)
    }
}
