// SPDX-License-Identifier: GPL-2.0

//! Requests of a process for its own memory, with an answer for each extent.

use super::{
    config::Config,
    keys::Keys,
    locate::{
        locate,
        stretch,
        Place, //
    },
    outcome::Outcome,
    passes::Passes,
    patience::Patience,
    stats::Tally,
    stay::Stay,
    walk::Walk, //
};
use crate::{
    mm::{
        extent::Extent,
        named::Installed,
        process::Process, //
    },
    pgtable::pmd_size::pmd_size, //
};
use core::ops::Range;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// The number of extents that are answered together. Bounds the memory of a request; as many may
/// wait for another pass.
pub(crate) const AT_ONCE: usize = 256;

/// A range of the caller's addresses, rounded inwards to extents.
///
/// Unlike requests of the administrator, it is carried out by the caller alone, in its CPU time.
/// The caller pays for the huge pages, and its cpuset applies. Memory stays on its node:
/// `target_node` is for the administrator.
pub(crate) struct OwnRange {
    range: Range<usize>,
}

impl OwnRange {
    pub(crate) const fn new(range: Range<usize>) -> Self {
        Self { range }
    }

    /// Returns the number of extents.
    pub(crate) fn extents(&self) -> usize {
        self.keys().count()
    }

    fn keys(&self) -> Keys {
        Keys::inside(self.range.clone(), pmd_size())
    }

    /// Carries the request out and calls `answer` in the order of addresses, with the outcome of an
    /// extent, or of up to [`AT_ONCE`] successive ones with the same outcome. An error of `answer`
    /// ends the request.
    ///
    /// The outer error is the reason why the request ended early: `EINVAL` for a range beyond the
    /// caller's addresses, `EINTR`, `ERESTARTNOHAND`, `ENOMEM`, or that of `answer`. The inner one
    /// is that of the first extent that is not huge at the end.
    ///
    /// Context: sleeps, and so may `answer`: no lock is held.
    pub(crate) fn run(
        &self,
        config: &Config,
        stay: &Stay<'_>,
        answer: &mut dyn FnMut(Outcome, usize) -> Result,
    ) -> Result<Result> {
        let config = Config {
            workers: 1,
            target_node: None,
            own: true,
            ..*config
        };
        let tally = Tally::new(stay.engine().stats(), None);
        tally.record_request();
        let patience = Patience::new(config.patience);
        let process = Process::open(0)?;
        if self.range.end > process.task_size() {
            return Err(EINVAL);
        }
        let mut keys = self.keys();
        let mut verdict = Ok(());
        let mut outcomes = KVec::with_capacity(keys.count().min(AT_ONCE), GFP_KERNEL_ACCOUNT)?;
        while let Some(some) = keys.take_front(AT_ONCE) {
            outcomes.clear();
            for _ in 0..some.count() {
                outcomes.push(Atomic::new(0usize), GFP_KERNEL_ACCOUNT)?;
            }
            let part = Part {
                process: &process,
                keys: some,
                outcomes: &outcomes,
            };
            pin_init::stack_pin_init!(
                let passes =
                    Passes::new(stay, &config, &patience, tally, &part, process.pid())
            );
            let behind = passes.first(&part.keys)?;
            passes.rest()?;
            let result = passes.verdict();
            verdict = verdict.and(result);
            let mut last = Outcome::Collapsed;
            for outcome in &outcomes {
                // Only positions in that table are stored.
                last = Outcome::ALL[outcome.load(Relaxed)];
                answer(last, 1)?;
            }
            let mut left = keys.take_front(behind).map_or(0, |keys| keys.count());
            while left > 0 {
                let some = left.min(AT_ONCE);
                answer(last, some)?;
                left -= some;
                stay.step()?;
            }
        }
        Ok(verdict)
    }
}

/// The extents that are answered together.
struct Part<'e> {
    process: &'e Process,
    keys: Keys,
    /// Their positions in [`Outcome::ALL`].
    outcomes: &'e [Atomic<usize>],
}

impl Walk for Part<'_> {
    fn find(&self, addr: usize) -> Result<Result<Place<'_>, Outcome>> {
        Ok(locate(self.process, addr).map(Place::filled_by_writers))
    }

    fn stretch(&self, addr: usize, most: usize, outcome: Outcome) -> usize {
        stretch(self.process, addr, most, outcome)
    }

    fn map(&self, addr: usize, extent: Extent<'_>) -> Installed {
        self.process.map_huge(addr, extent)
    }

    fn note(&self, addr: usize, outcome: Outcome, extents: usize) {
        let at = self.keys.position(addr);
        for known in self.outcomes.iter().skip(at).take(extents) {
            known.store(outcome as usize, Relaxed);
        }
    }
}
