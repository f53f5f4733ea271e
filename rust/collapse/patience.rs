// SPDX-License-Identifier: GPL-2.0

//! How long a request retries extents that are in use, and how often.
//!
//! Nothing is held during a pause: no lock, not even that of an extent, no folio, no charge and no
//! reference. A task that has locked a page may be about to migrate or to split it, which would
//! fail because of our reference.

use crate::{
    mm::lru::lru_add_drain_all,
    support::task::nap, //
};
use kernel::{
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};

/// The first pause and the longest. Each is twice as long as the previous one.
const PAUSES: [Delta; 2] = [Delta::from_micros(300), Delta::from_micros(4800)];

/// The minimum sum of all pauses, unless the patience is shorter. On a busy machine a pause may
/// take much longer than intended, while the task that is waited for makes no progress.
const AT_LEAST: Delta = Delta::from_millis(20);

/// The shortest time between two drains of all CPUs' LRU batches.
const DRAIN_EVERY: Delta = Delta::from_secs(1);

/// The length of the pause after an attempt that was rolled back, in multiples of the time for
/// which the attempt kept threads waiting that touch the memory.
const PAUSE_PER_WINDOW: i64 = 4;

/// The number of these pauses for which the patience is always enough.
const WINDOWS: i64 = 8;

/// The patience of one request.
pub(super) struct Patience {
    length: Delta,
    begun: Instant<Monotonic>,
    /// When the LRU batches may be drained again, in nanoseconds since the request began.
    drain_at: Atomic<i64>,
}

impl Patience {
    /// Returns the patience of a request that begins now.
    pub(super) fn new(length: Delta) -> Self {
        Self {
            length,
            begun: Instant::now(),
            drain_at: Atomic::new(0),
        }
    }

    /// Begins to wait for extents that were tried once; returns [`None`] without any patience.
    pub(super) fn begin(&self) -> Option<Waits<'_>> {
        (!self.length.is_zero()).then(|| Waits {
            patience: self,
            begun: Instant::now(),
            paused: Delta::ZERO,
            pause: PAUSES[0],
        })
    }

    /// Drains the LRU batches of all CPUs unless this request did so within the last second;
    /// returns whether it did. Context: sleeps.
    fn drain(&self) -> bool {
        let (now, due) = (self.begun.elapsed(), self.drain_at.load(Relaxed));
        let next = (now + DRAIN_EVERY).as_nanos();
        // Only one of several workers drains.
        if now.as_nanos() < due || self.drain_at.cmpxchg(due, next, Relaxed).is_err() {
            return false;
        }
        lru_add_drain_all();
        true
    }
}

/// The pauses between attempts at the same extents.
pub(super) struct Waits<'p> {
    patience: &'p Patience,
    begun: Instant<Monotonic>,
    /// The sum of the intended lengths of the pauses.
    paused: Delta,
    pause: Delta,
}

/// What was done between two attempts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// Time went by.
    Slept,
    /// The LRU batches of all CPUs were drained.
    Drained,
}

impl Waits<'_> {
    /// Returns whether the patience is over: the next attempt is the last.
    pub(super) fn are_over(&self) -> bool {
        let length = self.patience.length;
        self.paused >= length.min(AT_LEAST) && self.begun.elapsed() >= length
    }

    /// Pauses before the next attempt, until the patience or the pause is over, or until `over`
    /// returns true.
    ///
    /// `batched` tells that a page seems to be in an LRU batch. `window` is the longest time for
    /// which an attempt since the last pause kept threads waiting in vain. Context: sleeps.
    pub(super) fn pause(&mut self, batched: bool, window: Delta, over: impl Fn() -> bool) -> Pause {
        if batched && self.patience.drain() {
            return Pause::Drained;
        }
        let window = window.as_nanos().saturating_mul(PAUSE_PER_WINDOW);
        let most = Delta::from_nanos(self.patience.length.as_nanos() / WINDOWS);
        let mut left = self.pause.max(Delta::from_nanos(window).min(most));
        self.pause = (self.pause + self.pause).min(PAUSES[1]);
        loop {
            let one = left.min(PAUSES[1]);
            if one.is_zero() || self.are_over() {
                break;
            }
            self.paused += one;
            // Signals to the caller do not wake its workers.
            nap(one);
            if over() {
                break;
            }
            left -= one;
        }
        Pause::Slept
    }
}
