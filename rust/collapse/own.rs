// SPDX-License-Identifier: GPL-2.0

//! What a process asks for its own memory: an answer for each extent.

use super::{
    config::Config,
    engine::Engine,
    extent::Located,
    locate::locate,
    outcome::Outcome,
    passes::{
        Keys,
        Passes, //
    },
    stats::{
        Cost,
        Tally, //
    }, //
};
use crate::{
    mm::{
        Process,
        Scratch, //
    },
    pgtable::pmd_size, //
};
use core::ops::Range;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// Extents that are answered at once. Bounds the memory of a request; as many
/// may wait for another pass.
const AT_ONCE: usize = 256;

/// A range of the caller's addresses, rounded inwards to extents.
///
/// Unlike the requests of the administrator it is carried out by the caller
/// alone, whose time it takes and who pays for holes.
pub(crate) struct OwnRange {
    range: Range<usize>,
}

impl OwnRange {
    pub(crate) const fn new(range: Range<usize>) -> Self {
        Self { range }
    }

    /// How many extents there are.
    pub(crate) fn extents(&self) -> usize {
        self.keys().count()
    }

    fn keys(&self) -> Keys {
        Keys::inside(self.range.clone(), pmd_size())
    }

    /// Carries the request out, and calls `answer` with the outcome of each
    /// extent, in the order of addresses, a few of them at a time. An error of
    /// `answer` ends the request.
    ///
    /// The outer error is why the request ended early: `EINVAL` for a range
    /// beyond the caller's addresses, `EINTR`, `ENOMEM`, or that of `answer`. The
    /// inner one is that of the first extent that is not huge at the end.
    ///
    /// Context: sleeps, and so may `answer`: no lock is held.
    pub(crate) fn run(
        &self,
        config: &Config,
        engine: &Engine,
        answer: &mut dyn FnMut(Outcome) -> Result,
    ) -> Result<Result> {
        let config = Config {
            workers: 1,
            charge_caller: true,
            ..*config
        };
        let tally = Tally::new(engine.stats(), None);
        tally.record_request();
        let process = Process::open(0)?;
        if self.range.end > process.task_size() {
            return Err(EINVAL);
        }
        let mut keys = self.keys();
        let mut verdict = Ok(());
        let mut outcomes = KVec::with_capacity(keys.count().min(AT_ONCE), GFP_KERNEL)?;
        while let Some(some) = keys.take_front(AT_ONCE) {
            outcomes.clear();
            for _ in 0..some.count() {
                outcomes.push(Atomic::new(0usize), GFP_KERNEL)?;
            }
            let part = Part {
                process: &process,
                config: &config,
                engine,
                tally,
                keys: some,
                outcomes: &outcomes,
            };
            verdict = verdict.and(part.run()?);
            for outcome in &outcomes {
                answer(Outcome::ALL[outcome.load(Relaxed)])?;
            }
        }
        Ok(verdict)
    }
}

/// As many extents as are answered at once.
struct Part<'e> {
    process: &'e Process,
    config: &'e Config,
    engine: &'e Engine,
    tally: Tally<'e>,
    keys: Keys,
    /// Their positions in [`Outcome::ALL`].
    outcomes: &'e [Atomic<usize>],
}

impl Part<'_> {
    /// The inner result is that of the extents, the outer one an early end.
    fn run(&self) -> Result<Result> {
        let attempt = |addr: usize, scratch: &mut Scratch, cost: &mut Cost| {
            Ok(Some(self.try_extent(addr, scratch, cost)))
        };
        let tell = |addr: usize, outcome: Outcome| {
            self.outcomes[self.keys.position(addr)].store(outcome as usize, Relaxed);
        };
        pin_init::stack_pin_init!(
            let passes = Passes::new(self.engine, self.config, self.tally, self.process.pid(), &tell)
        );
        passes.first(&self.keys, &attempt)?;
        passes.rest(&attempt)?;
        Ok(passes.verdict())
    }

    fn try_extent(&self, addr: usize, scratch: &mut Scratch, cost: &mut Cost) -> Outcome {
        let place = match locate(self.process, addr) {
            Ok(place) => place,
            Err(outcome) => return outcome,
        };
        let mut config = *self.config;
        if !place.writable {
            // A reader must not make somebody's sparse file dense.
            config.max_ptes_none = 0;
        }
        Located {
            mapping: place.backing.mapping(),
            index: place.index,
        }
        .collapse(self.engine, &config, scratch, cost)
    }
}
