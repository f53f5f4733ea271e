// SPDX-License-Identifier: GPL-2.0

//! A request's way over its extents: who tries which, how often, after what
//! wait.

use super::{
    config::Config,
    engine::Engine,
    outcome::Outcome,
    stats::{
        Cost,
        Tally, //
    }, //
};
use crate::mm::{
    cond_resched,
    fatal_signal_pending,
    fault::Point,
    lru_add_drain_all,
    trace_extent,
    Scratch, //
};
use core::ops::Range;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// Waits before the second and third attempt at an extent that is in use.
const PAUSES_US: [i64; 2] = [300, 1000];

/// Passes over the extents that the first one left.
const MORE_PASSES: usize = 3;

/// Extents that may wait for another pass; bounds what a request needs.
const MAX_WAITING: usize = 256;

/// The keys of extents, addresses or page indices, from a range rounded inwards.
pub(super) struct Keys {
    first: usize,
    step: usize,
    count: usize,
}

impl Keys {
    /// `step`, a power of two, is the distance of one extent to the next.
    pub(super) fn inside(range: Range<usize>, step: usize) -> Self {
        let end = range.end & !(step - 1);
        let first = match range.start.checked_add(step - 1) {
            Some(start) => (start & !(step - 1)).min(end),
            None => end,
        };
        Self {
            first,
            step,
            count: (end - first) >> step.trailing_zeros(),
        }
    }

    fn key(&self, nr: usize) -> usize {
        self.first + nr * self.step
    }

    /// Which one `key` is: the opposite of `key()`.
    pub(super) fn position(&self, key: usize) -> usize {
        (key - self.first) >> self.step.trailing_zeros()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes up to `most` of them off the front.
    pub(super) fn take_front(&mut self, most: usize) -> Option<Self> {
        let count = self.count.min(most);
        let front = Self { count, ..*self };
        self.first += count * self.step;
        self.count -= count;
        (count > 0).then_some(front)
    }
}

/// What tries the extent of a key, once. [`None`]: there is no extent to count.
/// An error ends the request.
pub(super) trait Try:
    Fn(usize, &mut Scratch, &mut Cost) -> Result<Option<Outcome>> + Sync
{
}

impl<F> Try for F where F: Fn(usize, &mut Scratch, &mut Cost) -> Result<Option<Outcome>> + Sync {}

/// What is told the outcome of every extent that counts, once it is final.
pub(super) type Tell<'e> = &'e (dyn Fn(usize, Outcome) + Sync);

/// An extent that was in use.
#[derive(Clone, Copy)]
struct Waiting {
    key: usize,
    outcome: Outcome,
    cost: Cost,
}

/// What the workers of a request write down together.
struct Ledger {
    waiting: KVec<Waiting>,
    /// The lowest key that failed for good, and its error.
    failure: Option<(usize, Error)>,
    /// Why the request ends early.
    end: Option<Error>,
}

/// The passes of one request.
#[pin_data]
pub(super) struct Passes<'e> {
    engine: &'e Engine,
    config: &'e Config,
    tally: Tally<'e>,
    /// Whose memory the request is about; 0 for a file.
    pid: i32,
    tell: Tell<'e>,
    ended: Atomic<bool>,
    #[pin]
    ledger: Mutex<Ledger>,
}

impl<'e> Passes<'e> {
    pub(super) fn new(
        engine: &'e Engine,
        config: &'e Config,
        tally: Tally<'e>,
        pid: i32,
        tell: Tell<'e>,
    ) -> impl PinInit<Self> + use<'e> {
        pin_init!(Self {
            engine,
            config,
            tally,
            pid,
            tell,
            ended: Atomic::new(false),
            ledger <- new_mutex!(Ledger {
                waiting: KVec::new(),
                failure: None,
                end: None,
            }, "shmem_collapse request"),
        })
    }

    /// Tries each extent, several at once if the request may have workers; what
    /// is in use is put off.
    pub(super) fn first(&self, keys: &Keys, attempt: &impl Try) -> Result {
        let next = Atomic::new(0usize);
        let work = |scratch: &mut Scratch| {
            while !self.ended.load(Relaxed) {
                let nr = next.fetch_add(1usize, Relaxed);
                if nr >= keys.count {
                    break;
                }
                self.first_try(keys.key(nr), scratch, attempt);
            }
        };
        let help = || {
            if let Ok(mut scratch) = Scratch::new() {
                work(&mut scratch);
            }
        };
        // The caller works as well: it is the one who sees its own signals.
        let done = Scratch::new().and_then(|mut scratch| {
            let helpers = self.config.workers.min(keys.count).saturating_sub(1);
            let workers = self.engine.workers();
            workers.run(helpers, &help, || work(&mut scratch))
        });
        let end = self.ledger.lock().end;
        end.map_or(done, Err).inspect_err(|_| self.settle())
    }

    fn first_try(&self, key: usize, scratch: &mut Scratch, attempt: &impl Try) {
        let mut cost = Cost::default();
        cost.report.pid = self.pid;
        match self.insist(key, scratch, &mut cost, attempt) {
            Ok(None) => {}
            Ok(Some(outcome)) => {
                let waits = outcome.is_transient() && self.put_off(key, outcome, cost);
                if !waits {
                    self.finish(key, outcome, &cost);
                }
            }
            Err(error) => self.end(error),
        }
    }

    /// Tries what was put off again. An error is what ended the request early.
    pub(super) fn rest(&self, attempt: &impl Try) -> Result {
        if self.ledger.lock().waiting.is_empty() {
            return Ok(());
        }
        for _ in 0..MORE_PASSES {
            let (any, held) = {
                let waiting = &self.ledger.lock().waiting;
                let held = waiting.iter().any(|w| w.outcome == Outcome::Lru);
                (!waiting.is_empty(), held)
            };
            if !any {
                break;
            }
            if held {
                lru_add_drain_all();
                self.tally.record_lru_drain();
            }
            Scratch::new()
                .and_then(|mut scratch| self.pass(&mut scratch, attempt))
                .inspect_err(|_| self.settle())?;
        }
        self.settle();
        Ok(())
    }

    /// The error of the first extent that is not huge.
    pub(super) fn verdict(&self) -> Result {
        match self.ledger.lock().failure {
            None => Ok(()),
            Some((_, error)) => Err(error),
        }
    }

    fn pass(&self, scratch: &mut Scratch, attempt: &impl Try) -> Result {
        let mut at = 0;
        loop {
            let next = self.ledger.lock().waiting.get(at).copied();
            let Some(Waiting { key, mut cost, .. }) = next else {
                return Ok(());
            };
            match self.insist(key, scratch, &mut cost, attempt)? {
                Some(outcome) if outcome.is_transient() => {
                    self.ledger.lock().waiting[at] = Waiting { key, outcome, cost };
                    at += 1;
                    continue;
                }
                Some(outcome) => self.finish(key, outcome, &cost),
                None => {}
            }
            let _ = self.ledger.lock().waiting.remove(at);
        }
    }

    /// Tries one extent up to three times. A page held by an LRU batch is not
    /// worth the wait: it takes a drain.
    fn insist(
        &self,
        key: usize,
        scratch: &mut Scratch,
        cost: &mut Cost,
        attempt: &impl Try,
    ) -> Result<Option<Outcome>> {
        let mut pauses = PAUSES_US.iter();
        let mut last = None;
        loop {
            if self.engine.is_stopping() || fatal_signal_pending() {
                // What was tried counts; the next extent ends the request.
                return if last.is_some() { Ok(last) } else { Err(EINTR) };
            }
            cond_resched();
            let outcome = attempt(key, scratch, cost)?;
            last = outcome;
            let in_use = outcome.is_some_and(|o| o.is_transient() && o != Outcome::Lru);
            match pauses.next() {
                Some(us) if in_use => fsleep(Delta::from_micros(*us)),
                _ => return Ok(outcome),
            }
        }
    }

    fn put_off(&self, key: usize, outcome: Outcome, cost: Cost) -> bool {
        let waiting = &mut self.ledger.lock().waiting;
        waiting.len() < MAX_WAITING
            && !Point::Waiting.fails()
            && waiting
                .push(Waiting { key, outcome, cost }, GFP_KERNEL)
                .is_ok()
    }

    fn finish(&self, key: usize, outcome: Outcome, cost: &Cost) {
        self.tally.record(outcome, cost);
        trace_extent(outcome.name(), &cost.report);
        (self.tell)(key, outcome);
        let Some(error) = outcome.errno() else {
            return;
        };
        let failure = &mut self.ledger.lock().failure;
        if failure.is_none_or(|(first, _)| key < first) {
            *failure = Some((key, error));
        }
    }

    fn end(&self, error: Error) {
        self.ended.store(true, Relaxed);
        self.ledger.lock().end.get_or_insert(error);
    }

    /// What still waits ends as it stands.
    fn settle(&self) {
        let waiting = core::mem::take(&mut self.ledger.lock().waiting);
        for waiting in &waiting {
            self.finish(waiting.key, waiting.outcome, &waiting.cost);
        }
    }
}
