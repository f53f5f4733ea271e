// SPDX-License-Identifier: GPL-2.0

//! Counters of what the engine did.
//!
//! Extents are counted by outcome and by nothing else. The totals are sums over the outcomes, made
//! when they are read, so `extents == collapsed + already_huge + failed` holds whatever runs
//! at the same time.

use super::outcome::Outcome;
use crate::mm::ExtentReport;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// What one extent cost, in all attempts at it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    /// What the tracepoint tells, page tables mapped huge and time spent copying
    /// among it.
    pub(crate) report: ExtentReport,
    /// Pages read back from swap.
    pub(crate) pages_swapped_in: u64,
    /// Holes filled with zeroes.
    pub(crate) holes_filled: u64,
    /// Time spent altogether.
    pub(crate) total_ns: u64,
}

macro_rules! counters {
    ($($counter:ident, $name:literal;)*) => {
        /// A figure that can be read.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Counter {
            $(#[doc = concat!("`", $name, "`")] $counter,)*
            /// Extents that ended so.
            Ended(Outcome),
        }

        impl Counter {
            /// All but those by outcome.
            pub(crate) const TOTALS: [Self; [$($name),*].len()] = [$(Self::$counter),*];

            /// The name of the figure; that of the outcome where it counts one.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$counter => $name,)*
                    Self::Ended(outcome) => outcome.name(),
                }
            }
        }
    };
}

counters! {
    Requests, "requests";
    Extents, "extents";
    Collapsed, "collapsed";
    AlreadyHuge, "already_huge";
    Failed, "failed";
    PmdsMapped, "pmds_mapped";
    PagesSwappedIn, "pages_swapped_in";
    HolesFilled, "holes_filled";
    LruDrains, "lru_drains";
    CopyNs, "copy_ns";
    TotalNs, "total_ns";
}

/// The counters.
pub(crate) struct Stats {
    requests: Atomic<u64>,
    outcomes: [Atomic<u64>; Outcome::ALL.len()],
    pmds_mapped: Atomic<u64>,
    pages_swapped_in: Atomic<u64>,
    holes_filled: Atomic<u64>,
    lru_drains: Atomic<u64>,
    copy_ns: Atomic<u64>,
    total_ns: Atomic<u64>,
}

impl Stats {
    /// All zero.
    pub(crate) const fn new() -> Self {
        Self {
            requests: Atomic::new(0),
            outcomes: [const { Atomic::new(0) }; Outcome::ALL.len()],
            pmds_mapped: Atomic::new(0),
            pages_swapped_in: Atomic::new(0),
            holes_filled: Atomic::new(0),
            lru_drains: Atomic::new(0),
            copy_ns: Atomic::new(0),
            total_ns: Atomic::new(0),
        }
    }

    /// Counts a request.
    pub(crate) fn record_request(&self) {
        self.requests.add(1, Relaxed);
    }

    /// Counts one drain of the LRU batches of all CPUs.
    pub(crate) fn record_lru_drain(&self) {
        self.lru_drains.add(1, Relaxed);
    }

    /// Counts an extent; once, when its outcome is final.
    pub(crate) fn record(&self, outcome: Outcome, cost: &Cost) {
        self.outcomes[outcome as usize].add(1, Relaxed);
        let pmds_mapped = u64::from(cost.report.pmds_mapped);
        self.pmds_mapped.add(pmds_mapped, Relaxed);
        self.pages_swapped_in.add(cost.pages_swapped_in, Relaxed);
        self.holes_filled.add(cost.holes_filled, Relaxed);
        self.copy_ns.add(cost.report.copy_ns, Relaxed);
        self.total_ns.add(cost.total_ns, Relaxed);
    }

    /// Reads one figure.
    pub(crate) fn read(&self, counter: Counter) -> u64 {
        match counter {
            Counter::Requests => self.requests.load(Relaxed),
            Counter::Extents => self.sum(|_| true),
            Counter::Collapsed => self.read(Counter::Ended(Outcome::Collapsed)),
            Counter::AlreadyHuge => self.read(Counter::Ended(Outcome::AlreadyHuge)),
            Counter::Failed => self.sum(|outcome| !outcome.is_huge()),
            Counter::PmdsMapped => self.pmds_mapped.load(Relaxed),
            Counter::PagesSwappedIn => self.pages_swapped_in.load(Relaxed),
            Counter::HolesFilled => self.holes_filled.load(Relaxed),
            Counter::LruDrains => self.lru_drains.load(Relaxed),
            Counter::CopyNs => self.copy_ns.load(Relaxed),
            Counter::TotalNs => self.total_ns.load(Relaxed),
            Counter::Ended(outcome) => self.outcomes[outcome as usize].load(Relaxed),
        }
    }

    fn sum(&self, counts: impl Fn(Outcome) -> bool) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| counts(*outcome))
            .map(|outcome| self.read(Counter::Ended(outcome)))
            .fold(0, u64::wrapping_add)
    }

    /// Zeroes everything. Of an extent that ends at this moment a part may be counted.
    pub(crate) fn reset(&self) {
        for outcome in &self.outcomes {
            outcome.store(0, Relaxed);
        }
        for counter in [
            &self.requests,
            &self.pmds_mapped,
            &self.pages_swapped_in,
            &self.holes_filled,
            &self.lru_drains,
            &self.copy_ns,
            &self.total_ns,
        ] {
            counter.store(0, Relaxed);
        }
    }
}

#[kunit_tests(shmem_collapse_stats)]
mod tests {
    use super::*;

    fn balanced(stats: &Stats) -> bool {
        let huge = stats.read(Counter::Collapsed) + stats.read(Counter::AlreadyHuge);
        stats.read(Counter::Extents) == huge + stats.read(Counter::Failed)
    }

    #[test]
    fn every_outcome_is_an_extent() {
        let stats = Stats::new();
        for (recorded, outcome) in (1..).zip(Outcome::ALL) {
            stats.record(outcome, &Cost::default());
            assert_eq!(stats.read(Counter::Ended(outcome)), 1);
            assert_eq!(stats.read(Counter::Extents), recorded);
            assert!(balanced(&stats));
        }
        let failures = Outcome::ALL.len() as u64 - 2;
        assert_eq!(stats.read(Counter::Failed), failures);
    }

    #[test]
    fn costs_add_up() {
        let stats = Stats::new();
        let cost = Cost {
            report: ExtentReport {
                pmds_mapped: 8,
                copy_ns: 3,
                ..ExtentReport::default()
            },
            pages_swapped_in: 1,
            holes_filled: 2,
            total_ns: 4,
        };
        stats.record(Outcome::Collapsed, &cost);
        stats.record(Outcome::Collapsed, &cost);
        assert_eq!(stats.read(Counter::PmdsMapped), 16);
        assert_eq!(stats.read(Counter::PagesSwappedIn), 2);
        assert_eq!(stats.read(Counter::HolesFilled), 4);
        assert_eq!(stats.read(Counter::CopyNs), 6);
        assert_eq!(stats.read(Counter::TotalNs), 8);
    }

    #[test]
    fn reset_zeroes_all() {
        let stats = Stats::new();
        stats.record_request();
        stats.record_lru_drain();
        for outcome in Outcome::ALL {
            let cost = Cost {
                total_ns: 5,
                ..Cost::default()
            };
            stats.record(outcome, &cost);
        }
        stats.reset();
        for counter in Counter::TOTALS {
            assert_eq!(stats.read(counter), 0);
        }
        for outcome in Outcome::ALL {
            assert_eq!(stats.read(Counter::Ended(outcome)), 0);
        }
    }
}
