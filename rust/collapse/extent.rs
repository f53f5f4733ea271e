// SPDX-License-Identifier: GPL-2.0

//! One attempt to collapse one extent, from beginning to end.

use super::{
    config::Config,
    locate::Place,
    mapped::Mapped,
    outcome::Outcome,
    stats::Cost,
    stay::Stay, //
};
use crate::{
    mm::{
        extent::{
            Extent,
            Use, //
        },
        sources::{
            Obstacle,
            Scratch,
            Surplus, //
        },
        trace::ExtentName, //
    },
    support::failpoint::Delay, //
};
use kernel::time::{
    Delta,
    Instant,
    Monotonic, //
};

/// The parameters of an attempt, and the cost that its steps add to.
pub(super) struct Attempt<'a> {
    pub(super) config: &'a Config,
    pub(super) cost: &'a mut Cost,
    pub(super) stay: &'a Stay<'a>,
    /// Runs since threads that touch the memory may have to wait for the attempt.
    window: Option<Clock>,
}

/// The result of an attempt.
#[derive(Clone, Copy)]
pub(super) struct Attempted {
    pub(super) outcome: Outcome,
    /// Another attempt may achieve more.
    pub(super) again: bool,
}

impl Attempted {
    /// Creates a result that is retried if the outcome is transient.
    pub(super) fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            again: outcome.is_transient(),
        }
    }

    /// Returns the result for an extent whose pages are still in use; [`None`] if another attempt
    /// makes sense.
    pub(super) fn seen_again(self, place: &Place<'_>) -> Option<Self> {
        let seen = place.extent().seen_in_use()?;
        if self.outcome.is_huge() {
            // Only its mapping is missing, which references do not prevent.
            return (seen == Use::Locked).then_some(self);
        }
        let outcome = match (seen, self.outcome) {
            (Use::Referenced, Outcome::Pinned) => Outcome::Pinned,
            // The reference may be that of an LRU batch.
            (Use::Referenced, _) => Outcome::Lru,
            (Use::Locked, _) => Outcome::Locked,
        };
        Some(Self { outcome, ..self })
    }

    /// Combines the result with that of an earlier attempt: an extent that an attempt has collapsed
    /// stays collapsed, even if the last attempt found it huge already.
    pub(super) fn after(self, before: Self) -> Self {
        let outcome = match before.outcome.is_huge() {
            true => before.outcome,
            false => self.outcome,
        };
        Self { outcome, ..self }
    }
}

/// An extent whose file is known: the first step.
#[derive(Clone, Copy)]
pub(super) struct Located<'b> {
    pub(super) extent: Extent<'b>,
    /// The extents that the request has mapped huge, if it may visit an extent twice.
    pub(super) mapped: Option<&'b Mapped>,
}

impl<'b> Located<'b> {
    /// Tries to make the extent huge, once.
    pub(super) fn collapse(
        self,
        stay: &Stay<'_>,
        config: &Config,
        scratch: &mut Scratch,
        cost: &mut Cost,
    ) -> Attempted {
        let mut clock = Clock::start();
        cost.attempts += 1;
        cost.report.extent = ExtentName::of(self.extent);
        let Some(_alone) = stay.engine().lock_extent(self.extent, || stay.is_over()) else {
            return Attempted::new(Outcome::Locked);
        };
        let mut attempt = Attempt {
            config,
            cost,
            stay,
            window: None,
        };
        let freed = attempt.cost.report.page_tables_freed;
        let outcome = match self.chain(scratch, &mut attempt) {
            Ok(()) => Outcome::Collapsed,
            Err(outcome) => {
                // The tables were put back.
                attempt.cost.report.page_tables_freed = freed;
                outcome
            }
        };
        if let Some(window) = &mut attempt.window {
            attempt.cost.window = window.lap();
        }
        let mut attempted = Attempted::new(outcome);
        if outcome == Outcome::AlreadyHuge && config.map_all && self.is_new() {
            attempted.again = self.remap(scratch, &mut attempt).is_err();
            if attempted.again {
                self.forget();
            }
        }
        cost.total_ns += clock.lap_ns();
        attempted
    }

    fn is_new(&self) -> bool {
        self.mapped
            .is_none_or(|mapped| mapped.is_new(self.extent.id()))
    }

    fn forget(&self) {
        if let Some(mapped) = self.mapped {
            mapped.forget(self.extent.id());
        }
    }

    fn chain(self, scratch: &mut Scratch, attempt: &mut Attempt<'_>) -> Result<(), Outcome> {
        let mut clock = Clock::start();
        Delay::Located.wait();
        let scanned = self.scan(scratch, attempt)?;
        Delay::Scanned.wait();
        let gathered = scanned.gather(attempt)?;
        Delay::Gathered.wait();
        attempt.cost.report.gather_ns += clock.lap_ns();
        attempt.window = Some(Clock::start());
        let unmapped = gathered.unmap_tables(attempt)?;
        attempt.cost.report.unmap_ns += clock.lap_ns();
        Delay::Checked.wait();
        let copied = unmapped.copy()?;
        Delay::Copied.wait();
        attempt.cost.report.copy_ns += clock.lap_ns();
        let committed = copied.store()?;
        attempt.cost.report.commit_ns += clock.lap_ns();
        Delay::Committed.wait();
        committed.map(attempt);
        attempt.cost.report.map_ns += clock.lap_ns();
        Ok(())
    }
}

impl From<Obstacle> for Outcome {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Huge => Outcome::AlreadyHuge,
            Obstacle::Poisoned => Outcome::Poisoned,
            Obstacle::Pinned => Outcome::Pinned,
            Obstacle::Locked => Outcome::Locked,
            Obstacle::Raced => Outcome::Raced,
        }
    }
}

/// Measures the time of successive steps.
struct Clock(Instant<Monotonic>);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the last call or the start.
    fn lap(&mut self) -> Delta {
        let now = Instant::now();
        let before = core::mem::replace(&mut self.0, now);
        now - before
    }

    fn lap_ns(&mut self) -> u64 {
        self.lap().as_nanos().unsigned_abs()
    }
}

/// Returns the outcome for references that are not accounted for.
pub(super) fn unaccounted(surplus: Surplus) -> Outcome {
    match surplus {
        Surplus::Pinned => Outcome::Pinned,
        Surplus::Passing => Outcome::Lru,
    }
}
