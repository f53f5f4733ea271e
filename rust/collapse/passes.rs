// SPDX-License-Identifier: GPL-2.0

//! A request's way over its extents: who tries which, how often, after what
//! wait.

use super::{
    config::Config,
    outcome::Outcome,
    stats::{
        Cost,
        Tally, //
    },
    stay::Stay, //
};
use crate::{
    mm::{
        lru::lru_add_drain_all,
        sources::Scratch,
        trace::trace_extents, //
    },
    support::{
        failpoint::Point,
        task::cond_resched, //
    },
};
use core::ops::Range;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    new_mutex,
    prelude::*,
    sync::Mutex,
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
    /// How many more follow, which a stretch may reach into.
    behind: usize,
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
            behind: 0,
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

/// What the keys of a request stand for.
pub(super) trait Walk: Sync {
    /// Tries the extent of a key, once. An error ends the request.
    fn attempt(&self, key: usize, scratch: &mut Scratch, cost: &mut Cost) -> Result<Outcome>;

    /// How many of the `most` extents from `key` on are sure to end as `outcome`,
    /// which the one before had: there is nothing in them.
    fn stretch(&self, key: usize, most: usize, outcome: Outcome) -> usize;

    /// Whether an extent with this outcome is one of the request's.
    fn counts(&self, _outcome: Outcome) -> bool {
        true
    }
}

/// What is told the outcome of the extent of a key, or of that and a stretch of
/// those behind it: how many that are. Once for each that counts, when it is
/// final.
pub(super) type Tell<'e> = &'e (dyn Fn(usize, Outcome, usize) + Sync);

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
    stay: &'e Stay<'e>,
    config: &'e Config,
    tally: Tally<'e>,
    /// Whose memory the request is about; 0 for a file.
    pid: i32,
    tell: Tell<'e>,
    /// How many extents of the first pass were handed out.
    #[pin]
    given: Mutex<usize>,
    #[pin]
    ledger: Mutex<Ledger>,
}

impl<'e> Passes<'e> {
    pub(super) fn new(
        stay: &'e Stay<'e>,
        config: &'e Config,
        tally: Tally<'e>,
        pid: i32,
        tell: Tell<'e>,
    ) -> impl PinInit<Self> + use<'e> {
        pin_init!(Self {
            stay,
            config,
            tally,
            pid,
            tell,
            given <- new_mutex!(0, "shmem_collapse position"),
            ledger <- new_mutex!(Ledger {
                waiting: KVec::new(),
                failure: None,
                end: None,
            }, "shmem_collapse request"),
        })
    }

    /// Tries each extent, several at once if the request may have workers; what
    /// is in use is put off.
    ///
    /// Returns how many behind the keys are dealt with, too: a stretch reached so
    /// far.
    pub(super) fn first(&self, keys: &Keys, walk: &impl Walk) -> Result<usize> {
        self.go_on()?;
        *self.given.lock() = 0;
        let work = |scratch: &mut Scratch| {
            while let Some(nr) = self.next(keys) {
                self.first_try(keys, nr, scratch, walk);
            }
        };
        let help = || {
            if let Ok(mut scratch) = Scratch::new() {
                work(&mut scratch);
            }
        };
        let done = Scratch::new().and_then(|mut scratch| {
            let helpers = self.config.workers.min(keys.count).saturating_sub(1);
            let workers = self.stay.engine().workers();
            workers.run(helpers, &help, || work(&mut scratch))
        });
        let end = self.ledger.lock().end;
        end.map_or(done, Err).inspect_err(|_| self.settle())?;
        Ok(self.given.lock().saturating_sub(keys.count))
    }

    /// Offers to reschedule, and ends the request if it shall end.
    pub(super) fn go_on(&self) -> Result {
        cond_resched();
        self.stay.check().inspect_err(|_| self.settle())
    }

    fn next(&self, keys: &Keys) -> Option<usize> {
        let mut given = self.given.lock();
        let nr = *given;
        if nr >= keys.count || self.stay.is_ended() {
            return None;
        }
        *given = nr + 1;
        Some(nr)
    }

    fn first_try(&self, keys: &Keys, nr: usize, scratch: &mut Scratch, walk: &impl Walk) {
        let key = keys.key(nr);
        let mut cost = Cost::default();
        cost.report.pid = self.pid;
        match self.insist(key, scratch, &mut cost, walk) {
            Ok(outcome) => {
                let waits = outcome.is_transient() && self.put_off(key, outcome, cost);
                if !waits {
                    self.finish_stretch(keys, nr, outcome, &cost, walk);
                }
            }
            Err(error) => self.end(error),
        }
    }

    /// Finishes an extent, and those behind it that are sure to end alike.
    fn finish_stretch(
        &self,
        keys: &Keys,
        nr: usize,
        outcome: Outcome,
        cost: &Cost,
        walk: &impl Walk,
    ) {
        let more = self.take_stretch(keys, nr, outcome, walk);
        if more.start == nr + 1 {
            self.finish(keys.key(nr), outcome, cost, 1 + more.len(), walk);
            return;
        }
        // Others are at the extents between.
        self.finish(keys.key(nr), outcome, cost, 1, walk);
        if !more.is_empty() {
            let cost = Cost {
                report: cost.report.behind(more.start - nr),
                ..Cost::default()
            };
            self.finish(keys.key(more.start), outcome, &cost, more.len(), walk);
        }
    }

    /// Takes what is left of the stretch that begins behind number `nr`.
    fn take_stretch(
        &self,
        keys: &Keys,
        nr: usize,
        outcome: Outcome,
        walk: &impl Walk,
    ) -> Range<usize> {
        let mut given = self.given.lock();
        let most = (keys.count + keys.behind).saturating_sub(nr + 1);
        if !outcome.comes_in_stretches() || most == 0 {
            return *given..*given;
        }
        let extents = walk.stretch(keys.key(nr + 1), most, outcome).min(most);
        let more = *given..(nr + 1 + extents).max(*given);
        *given = more.end;
        more
    }

    /// Tries what was put off again. An error is what ended the request early.
    pub(super) fn rest(&self, walk: &impl Walk) -> Result {
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
            self.go_on()?;
            if held {
                lru_add_drain_all();
                self.tally.record_lru_drain();
            }
            Scratch::new()
                .and_then(|mut scratch| self.pass(&mut scratch, walk))
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

    fn pass(&self, scratch: &mut Scratch, walk: &impl Walk) -> Result {
        let mut at = 0;
        loop {
            let next = self.ledger.lock().waiting.get(at).copied();
            let Some(Waiting { key, mut cost, .. }) = next else {
                return Ok(());
            };
            let outcome = self.insist(key, scratch, &mut cost, walk)?;
            if outcome.is_transient() {
                self.ledger.lock().waiting[at] = Waiting { key, outcome, cost };
                at += 1;
            } else {
                let _ = self.ledger.lock().waiting.remove(at);
                self.finish(key, outcome, &cost, 1, walk);
            }
        }
    }

    /// Tries one extent up to three times. A page held by an LRU batch is not
    /// worth the wait: it takes a drain.
    fn insist(
        &self,
        key: usize,
        scratch: &mut Scratch,
        cost: &mut Cost,
        walk: &impl Walk,
    ) -> Result<Outcome> {
        self.stay.check()?;
        let mut pauses = PAUSES_US.iter();
        loop {
            cond_resched();
            let outcome = walk.attempt(key, scratch, cost)?;
            let in_use = outcome.is_transient() && outcome != Outcome::Lru;
            match pauses.next() {
                // What was tried counts; the next extent ends the request.
                Some(us) if in_use && !self.stay.is_over() => fsleep(Delta::from_micros(*us)),
                _ => {
                    self.stay.note(outcome);
                    return Ok(outcome);
                }
            }
        }
    }

    fn put_off(&self, key: usize, outcome: Outcome, cost: Cost) -> bool {
        let waiting = &mut self.ledger.lock().waiting;
        waiting.len() < MAX_WAITING
            && !Point::Waiting.fails()
            && waiting
                .push(Waiting { key, outcome, cost }, GFP_KERNEL_ACCOUNT)
                .is_ok()
    }

    fn finish(&self, key: usize, outcome: Outcome, cost: &Cost, extents: usize, walk: &impl Walk) {
        if walk.counts(outcome) {
            self.record(key, outcome, cost, extents);
        }
    }

    /// Everything that anybody learns of an extent, or of a stretch that begins
    /// with it.
    fn record(&self, key: usize, outcome: Outcome, cost: &Cost, extents: usize) {
        self.tally.record(outcome, cost, extents);
        trace_extents(outcome.name(), &cost.report, extents);
        (self.tell)(key, outcome, extents);
        let Some(error) = outcome.errno() else {
            return;
        };
        let failure = &mut self.ledger.lock().failure;
        if failure.is_none_or(|(first, _)| key < first) {
            *failure = Some((key, error));
        }
    }

    /// The first error is the request's; only then others see that it ends.
    fn end(&self, error: Error) {
        self.ledger.lock().end.get_or_insert(error);
        self.stay.end();
    }

    /// What still waits ends as it stands.
    fn settle(&self) {
        let waiting = core::mem::take(&mut self.ledger.lock().waiting);
        for waiting in &waiting {
            self.record(waiting.key, waiting.outcome, &waiting.cost, 1);
        }
    }
}
