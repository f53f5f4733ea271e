// SPDX-License-Identifier: GPL-2.0

//! Scheduling and retry policy for the extents of one request.

use super::{
    config::Config,
    extent::{
        Attempted,
        Located, //
    },
    keys::Keys,
    locate::Place,
    outcome::Outcome,
    patience::{
        Patience,
        Pause,
        Waits, //
    },
    stats::{
        Cost,
        Tally, //
    },
    stay::Stay,
    walk::Walk, //
};
use crate::{
    mm::{
        named::Installed,
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
        Delta,
        Instant,
        Monotonic, //
    },
};

/// The number of extents that may wait for another attempt. Bounds the memory of a request. A
/// worker that fills the list retries its extents before it continues.
const MAX_WAITING: usize = 256;

/// An extent that was in use.
#[derive(Clone, Copy)]
struct Waiting {
    key: usize,
    attempted: Attempted,
    cost: Cost,
}

/// What the workers of a request record together.
struct Ledger {
    waiting: KVec<Waiting>,
    /// The lowest key that failed for good, and its error.
    failure: Option<(usize, Error)>,
    /// Why the request ends early.
    end: Option<Error>,
}

/// The passes of one request.
#[pin_data]
pub(super) struct Passes<'e, W: Walk> {
    stay: &'e Stay<'e>,
    config: &'e Config,
    patience: &'e Patience,
    tally: Tally<'e>,
    walk: &'e W,
    /// The process that the request names; 0 for a file.
    pid: i32,
    /// The number of extents of the first pass that were handed out.
    #[pin]
    given: Mutex<usize>,
    #[pin]
    ledger: Mutex<Ledger>,
}

impl<'e, W: Walk> Passes<'e, W> {
    pub(super) fn new(
        stay: &'e Stay<'e>,
        config: &'e Config,
        patience: &'e Patience,
        tally: Tally<'e>,
        walk: &'e W,
        pid: i32,
    ) -> impl PinInit<Self> + use<'e, W> {
        pin_init!(Self {
            stay,
            config,
            patience,
            tally,
            walk,
            pid,
            given <- new_mutex!(0, "shmem_collapse position"),
            ledger <- new_mutex!(Ledger {
                waiting: KVec::new(),
                failure: None,
                end: None,
            }, "shmem_collapse request"),
        })
    }

    /// Tries each extent, several in parallel if the request may have workers. Extents that are in
    /// use are deferred until [`rest()`](Self::rest), or until the list of them is full.
    ///
    /// Returns how many extents behind the keys are done as well, because a stretch reached them.
    pub(super) fn first(&self, keys: &Keys) -> Result<usize> {
        self.go_on()?;
        *self.given.lock() = 0;
        let work = |scratch: &mut Scratch| {
            while let Some(nr) = self.next(keys) {
                if let Err(error) = self.first_try(keys, nr, scratch) {
                    self.end(error);
                }
            }
        };
        let help = || {
            if let Ok(mut scratch) = Scratch::new() {
                work(&mut scratch);
            }
        };
        let done = Scratch::new().and_then(|mut scratch| {
            let helpers = self.config.workers.min(keys.count()).saturating_sub(1);
            let workers = self.stay.engine().workers();
            workers.run(helpers, &help, || work(&mut scratch))
        });
        let end = self.ledger.lock().end;
        end.map_or(done, Err).inspect_err(|_| self.settle())?;
        Ok(self.given.lock().saturating_sub(keys.count()))
    }

    /// Reschedules if needed, and ends the request if it has to end.
    pub(super) fn go_on(&self) -> Result {
        cond_resched();
        self.stay.check().inspect_err(|_| self.settle())
    }

    fn next(&self, keys: &Keys) -> Option<usize> {
        let mut given = self.given.lock();
        let nr = *given;
        if nr >= keys.count() || self.stay.is_ended() {
            return None;
        }
        *given = nr + 1;
        Some(nr)
    }

    fn first_try(&self, keys: &Keys, nr: usize, scratch: &mut Scratch) -> Result {
        let key = keys.key(nr);
        let mut cost = Cost::default();
        cost.report.pid = self.pid;
        let attempted = self.attempt(key, None, scratch, &mut cost)?;
        if !attempted.again {
            self.finish_stretch(keys, nr, attempted.outcome, &cost);
            return Ok(());
        }
        let mut full = self.put_off(Waiting {
            key,
            attempted,
            cost,
        });
        self.work_off(&mut full, scratch)
    }

    /// Finishes an extent, and those behind it that certainly have the same outcome.
    fn finish_stretch(&self, keys: &Keys, nr: usize, outcome: Outcome, cost: &Cost) {
        let more = self.take_stretch(keys, nr, outcome);
        if more.start == nr + 1 {
            self.finish(keys.key(nr), outcome, cost, 1 + more.len());
            return;
        }
        // Other workers have the extents between.
        self.finish(keys.key(nr), outcome, cost, 1);
        if !more.is_empty() {
            let cost = Cost {
                report: cost.report.behind(more.start - nr),
                ..Cost::default()
            };
            self.finish(keys.key(more.start), outcome, &cost, more.len());
        }
    }

    /// Takes the rest of the stretch that begins behind number `nr`.
    fn take_stretch(&self, keys: &Keys, nr: usize, outcome: Outcome) -> Range<usize> {
        let mut given = self.given.lock();
        let most = keys.from(nr + 1);
        if !outcome.comes_in_stretches() || most == 0 {
            return *given..*given;
        }
        let key = keys.key(nr + 1);
        let extents = self.walk.stretch(key, most, outcome).min(most);
        let more = *given..(nr + 1 + extents).max(*given);
        *given = more.end;
        more
    }

    /// Retries the extents that were deferred. An error is the reason why the request ended early.
    pub(super) fn rest(&self) -> Result {
        let mut waiting = core::mem::take(&mut self.ledger.lock().waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        match Scratch::new() {
            Ok(mut scratch) => self.work_off(&mut waiting, &mut scratch),
            Err(error) => {
                self.give_up(&waiting);
                Err(error)
            }
        }
    }

    /// Returns the error of the first extent that is not huge.
    pub(super) fn verdict(&self) -> Result {
        match self.ledger.lock().failure {
            None => Ok(()),
            Some((_, error)) => Err(error),
        }
    }

    /// Tries an extent once. After an attempt `before`, does so only if its pages do not seem to be
    /// in use. An error ends the request.
    fn attempt(
        &self,
        key: usize,
        before: Option<Attempted>,
        scratch: &mut Scratch,
        cost: &mut Cost,
    ) -> Result<Attempted> {
        self.stay.check()?;
        cond_resched();
        let attempted = match self.walk.find(key)? {
            Ok(place) => match before.and_then(|before| before.seen_again(&place)) {
                Some(still) => return Ok(still),
                None => {
                    let attempted = self.collapse(&place, scratch, cost);
                    self.map(key, &place, attempted, cost)
                }
            },
            Err(outcome) => Attempted::new(outcome),
        };
        self.stay.note(attempted.outcome);
        Ok(attempted)
    }

    fn collapse(&self, place: &Place<'_>, scratch: &mut Scratch, cost: &mut Cost) -> Attempted {
        let mut config = *self.config;
        if !place.may_fill {
            config.max_ptes_none = 0;
        }
        let located = Located {
            extent: place.extent(),
            mapped: self.walk.mapped(),
        };
        if config.own {
            return located.collapse(self.stay, &config, scratch, cost);
        }
        // The administrator's cpuset must not decide where the memory of others is allocated, nor
        // whether the extent is collapsed.
        let workers = self.stay.engine().workers();
        workers.on_all_nodes(|| located.collapse(self.stay, &config, scratch, cost))
    }

    /// Maps a huge extent in the process that the request names, where that had nothing mapped.
    fn map(
        &self,
        key: usize,
        place: &Place<'_>,
        attempted: Attempted,
        cost: &mut Cost,
    ) -> Attempted {
        if !attempted.outcome.is_huge() || !self.config.map_all {
            return attempted;
        }
        let installed = self.walk.map(key, place.extent());
        cost.report.pmds_mapped += u32::from(installed == Installed::Now);
        Attempted {
            again: attempted.again || installed == Installed::Busy,
            ..attempted
        }
    }

    /// Defers an extent; returns the extents that have to be retried before the request continues.
    fn put_off(&self, waiting: Waiting) -> KVec<Waiting> {
        {
            let list = &mut self.ledger.lock().waiting;
            if !Point::Waiting.fails() && list.push(waiting, GFP_KERNEL_ACCOUNT).is_ok() {
                return match list.len() < MAX_WAITING {
                    true => KVec::new(),
                    false => core::mem::take(list),
                };
            }
        }
        // There is no memory to remember it in.
        self.give_up(&[waiting]);
        KVec::new()
    }

    /// Retries extents until none of them is in use, or the patience is over. The rest ends with
    /// its last outcome. An error ends the request.
    fn work_off(&self, list: &mut KVec<Waiting>, scratch: &mut Scratch) -> Result {
        let result = self.insist(list, scratch);
        self.give_up(list);
        result
    }

    fn insist(&self, list: &mut KVec<Waiting>, scratch: &mut Scratch) -> Result {
        let Some(mut waits) = self.patience.begin() else {
            return Ok(());
        };
        while !list.is_empty() {
            self.pause(&mut waits, list);
            let last = waits.are_over();
            self.pass(list, last, scratch)?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn pause(&self, waits: &mut Waits<'_>, list: &[Waiting]) {
        let batched = |waiting: &Waiting| waiting.attempted.outcome == Outcome::Lru;
        let window = list.iter().map(|waiting| waiting.cost.window).max();
        let begun = Instant::<Monotonic>::now();
        let done = waits.pause(
            list.iter().any(batched),
            window.unwrap_or(Delta::ZERO),
            || self.stay.is_over(),
        );
        if done == Pause::Drained {
            self.tally.record_lru_drain();
        }
        self.tally.record_wait(begun.elapsed());
        self.stay.note_pause();
    }

    /// Tries each extent of a list once, and removes those that are no longer in use. In the `last`
    /// pass the pages are not examined before.
    fn pass(&self, list: &mut KVec<Waiting>, last: bool, scratch: &mut Scratch) -> Result {
        let mut at = 0;
        while let Some(waiting) = list.get_mut(at) {
            let before = (!last).then_some(waiting.attempted);
            waiting.cost.window = Delta::ZERO;
            let now = self.attempt(waiting.key, before, scratch, &mut waiting.cost)?;
            waiting.attempted = now.after(waiting.attempted);
            if waiting.attempted.again {
                at += 1;
            } else {
                let done = *waiting;
                let _ = list.remove(at);
                self.finish(done.key, done.attempted.outcome, &done.cost, 1);
            }
        }
        Ok(())
    }

    /// Ends the extents that still wait with their last outcome.
    fn give_up(&self, list: &[Waiting]) {
        for waiting in list {
            self.record(waiting.key, waiting.attempted.outcome, &waiting.cost, 1);
        }
    }

    fn settle(&self) {
        let waiting = core::mem::take(&mut self.ledger.lock().waiting);
        self.give_up(&waiting);
    }

    fn finish(&self, key: usize, outcome: Outcome, cost: &Cost, extents: usize) {
        if self.walk.counts(outcome) {
            self.record(key, outcome, cost, extents);
        }
    }

    /// Reports the final outcome of an extent, or of a stretch that begins with it.
    fn record(&self, key: usize, outcome: Outcome, cost: &Cost, extents: usize) {
        self.tally.record(outcome, cost, extents);
        trace_extents(outcome.name(), &cost.report, extents);
        self.walk.note(key, outcome, extents);
        let Some(error) = outcome.errno() else {
            return;
        };
        let failure = &mut self.ledger.lock().failure;
        if failure.is_none_or(|(first, _)| key < first) {
            *failure = Some((key, error));
        }
    }

    /// Ends the request. The first error is stored before the other workers see that it ends.
    fn end(&self, error: Error) {
        self.ledger.lock().end.get_or_insert(error);
        self.stay.end();
    }
}
