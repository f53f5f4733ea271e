// SPDX-License-Identifier: GPL-2.0

//! Trying again: which extents, how often, after what wait.

use super::{
    engine::Engine,
    outcome::Outcome,
    stats::Cost, //
};
use crate::mm::{
    cond_resched,
    fatal_signal_pending,
    lru_add_drain_all, //
};
use kernel::{
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// Waits before the second and third attempt at an extent that is in use.
const PAUSES_US: [i64; 2] = [300, 1000];

/// Passes over the extents that the first one left.
const MORE_PASSES: usize = 3;

/// Extents that may wait for another pass: a page of them, not one more, bounds
/// what a request needs.
const MAX_WAITING: usize = 256;

/// An extent that was in use.
struct Waiting {
    key: usize,
    outcome: Outcome,
    cost: Cost,
}

/// A request's way over its extents.
///
/// An extent is known by its key, an address or an index. What tries one says
/// [`None`] where there is no extent.
pub(super) struct Passes<'e> {
    engine: &'e Engine,
    waiting: KVec<Waiting>,
    /// The lowest key that failed for good, and its error.
    failure: Option<(usize, Error)>,
}

impl<'e> Passes<'e> {
    pub(super) fn new(engine: &'e Engine) -> Self {
        Self {
            engine,
            waiting: KVec::new(),
            failure: None,
        }
    }

    /// Tries each extent; what is in use is put off.
    pub(super) fn first(
        &mut self,
        keys: impl Iterator<Item = usize>,
        mut attempt: impl FnMut(usize, &mut Cost) -> Result<Option<Outcome>>,
    ) -> Result {
        for key in keys {
            let mut cost = Cost::default();
            let Some(outcome) = self.insist(key, &mut cost, &mut attempt)? else {
                continue;
            };
            if outcome.is_transient() && self.put_off(key, outcome, cost) {
                continue;
            }
            self.finish(key, outcome, &cost);
        }
        Ok(())
    }

    /// Tries what was put off again, and says how the request ended.
    pub(super) fn rest(
        mut self,
        mut attempt: impl FnMut(usize, &mut Cost) -> Result<Option<Outcome>>,
    ) -> Result {
        for _ in 0..MORE_PASSES {
            if self.waiting.is_empty() {
                break;
            }
            if self.waiting.iter().any(|w| w.outcome == Outcome::Lru) {
                lru_add_drain_all();
                self.engine.stats().record_lru_drain();
            }
            self.pass(&mut attempt)?;
        }
        for waiting in core::mem::take(&mut self.waiting) {
            self.finish(waiting.key, waiting.outcome, &waiting.cost);
        }
        match self.failure {
            None => Ok(()),
            Some((_, error)) => Err(error),
        }
    }

    fn pass(
        &mut self,
        attempt: &mut impl FnMut(usize, &mut Cost) -> Result<Option<Outcome>>,
    ) -> Result {
        let mut at = 0;
        while at < self.waiting.len() {
            let (key, mut cost) = (self.waiting[at].key, self.waiting[at].cost);
            match self.insist(key, &mut cost, attempt)? {
                Some(outcome) if outcome.is_transient() => {
                    self.waiting[at] = Waiting { key, outcome, cost };
                    at += 1;
                    continue;
                }
                Some(outcome) => self.finish(key, outcome, &cost),
                None => {}
            }
            let _ = self.waiting.remove(at);
        }
        Ok(())
    }

    /// Tries one extent up to three times. A page held by an LRU batch is not
    /// worth the wait: it takes a drain.
    fn insist(
        &self,
        key: usize,
        cost: &mut Cost,
        attempt: &mut impl FnMut(usize, &mut Cost) -> Result<Option<Outcome>>,
    ) -> Result<Option<Outcome>> {
        let mut pauses = PAUSES_US.iter();
        loop {
            if self.engine.is_stopping() || fatal_signal_pending() {
                return Err(EINTR);
            }
            cond_resched();
            let outcome = attempt(key, cost)?;
            let in_use = outcome.is_some_and(|o| o.is_transient() && o != Outcome::Lru);
            match pauses.next() {
                Some(us) if in_use => fsleep(Delta::from_micros(*us)),
                _ => return Ok(outcome),
            }
        }
    }

    fn put_off(&mut self, key: usize, outcome: Outcome, cost: Cost) -> bool {
        let waiting = Waiting { key, outcome, cost };
        self.waiting.len() < MAX_WAITING && self.waiting.push(waiting, GFP_KERNEL).is_ok()
    }

    fn finish(&mut self, key: usize, outcome: Outcome, cost: &Cost) {
        self.engine.stats().record(outcome, cost);
        let Some(error) = outcome.errno() else {
            return;
        };
        if self.failure.is_none_or(|(first, _)| key < first) {
            self.failure = Some((key, error));
        }
    }
}

impl Drop for Passes<'_> {
    fn drop(&mut self) {
        // An interrupted request: what was put off ends as it stood.
        for waiting in &self.waiting {
            self.engine
                .stats()
                .record(waiting.outcome, &waiting.cost);
        }
    }
}
