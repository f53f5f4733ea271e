// SPDX-License-Identifier: GPL-2.0

//! Counters of the engine.
//!
//! Extents are counted by outcome only. The totals are computed from these counters when they are
//! read, so `extents == collapsed + already_huge + failed` holds even while requests run. One table
//! names the counters, both for the statistics of all requests and for the answer to one.

use super::outcome::Outcome;
use crate::mm::trace::ExtentReport;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::Delta, //
};

/// Costs of one extent, summed over all attempts.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// The figures of the tracepoint, such as page tables mapped huge and the time of the copy.
    pub(crate) report: ExtentReport,
    /// Pages read back from swap.
    pub(crate) pages_swapped_in: u64,
    /// Holes filled with zeroes.
    pub(crate) holes_filled: u64,
    /// Attempts.
    pub(crate) attempts: u64,
    /// Total time.
    pub(crate) total_ns: u64,
    /// How long the last attempt kept threads that touch the memory waiting in vain.
    pub(crate) window: Delta,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            report: ExtentReport::default(),
            pages_swapped_in: 0,
            holes_filled: 0,
            attempts: 0,
            total_ns: 0,
            window: Delta::ZERO,
        }
    }
}

macro_rules! counters {
    (
        sums { $($sum:ident, $sum_name:literal;)* }
        added { $($added:ident, $field:ident;)* }
    ) => {
        /// A counter that can be read.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Counter {
            $(#[doc = concat!("`", $sum_name, "`")] $sum,)*
            $(#[doc = concat!("`", stringify!($field), "`")] $added,)*
            /// The number of extents with this outcome.
            Ended(Outcome),
        }

        impl Counter {
            /// All counters except those for one outcome.
            const TOTALS: [Self; [$($sum_name,)* $(stringify!($field),)*].len()] =
                [$(Self::$sum,)* $(Self::$added,)*];

            /// Returns the name of the counter: a prefix, which may be empty, and the rest.
            pub(crate) const fn name(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$sum => ("", $sum_name),)*
                    $(Self::$added => ("", stringify!($field)),)*
                    Self::Ended(outcome) => ("failed_", outcome.name()),
                }
            }
        }

        /// A set of counters.
        pub(crate) struct Stats {
            /// One for each outcome, whose number is its position.
            outcomes: [Atomic<u64>; Outcome::ALL.len()],
            $($field: Atomic<u64>,)*
        }

        impl Stats {
            /// Creates counters that are zero.
            pub(crate) const fn new() -> Self {
                Self {
                    outcomes: [const { Atomic::new(0) }; Outcome::ALL.len()],
                    $($field: Atomic::new(0),)*
                }
            }

            /// Reads each counter once, so that totals and parts of the result agree.
            pub(crate) fn figures(&self) -> Figures {
                Figures {
                    outcomes: self.outcomes.each_ref().map(|count| count.load(Relaxed)),
                    $($field: self.$field.load(Relaxed),)*
                }
            }

            /// Zeroes all counters. An extent that ends concurrently may be counted in part.
            pub(crate) fn reset(&self) {
                self.reset_extents();
                $(self.$field.store(0, Relaxed);)*
            }
        }

        /// A snapshot of the counters.
        #[derive(Clone, Copy)]
        pub(crate) struct Figures {
            outcomes: [u64; Outcome::ALL.len()],
            $($field: u64,)*
        }

        impl Figures {
            /// All zero.
            pub(crate) const NONE: Self = Self {
                outcomes: [0; Outcome::ALL.len()],
                $($field: 0,)*
            };

            /// Returns the value of a counter.
            pub(crate) fn get(&self, counter: Counter) -> u64 {
                match counter {
                    Counter::Extents => self.sum(|_| true),
                    Counter::Collapsed => self.get(Counter::Ended(Outcome::Collapsed)),
                    Counter::AlreadyHuge => self.get(Counter::Ended(Outcome::AlreadyHuge)),
                    Counter::Failed => self.sum(|outcome| !outcome.is_huge()),
                    $(Counter::$added => self.$field,)*
                    Counter::Ended(outcome) => self.outcomes[outcome as usize],
                }
            }
        }
    };
}

counters! {
    sums {
        Extents, "extents";
        Collapsed, "collapsed";
        AlreadyHuge, "already_huge";
        Failed, "failed";
    }
    added {
        Requests, requests;
        Attempts, attempts;
        PmdsMapped, pmds_mapped;
        PageTablesFreed, page_tables_freed;
        PagesSwappedIn, pages_swapped_in;
        HolesFilled, holes_filled;
        LruDrains, lru_drains;
        WaitedNs, waited_ns;
        CopyNs, copy_ns;
        TotalNs, total_ns;
    }
}

impl Counter {
    /// Returns all counters. Failures have one for each outcome.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let failures = Outcome::ALL
            .into_iter()
            .filter(|outcome| !outcome.is_huge())
            .map(Self::Ended);
        Iterator::chain(Self::TOTALS.into_iter(), failures)
    }
}

impl Stats {
    fn record_request(&self) {
        self.requests.add(1, Relaxed);
    }

    fn record_lru_drain(&self) {
        self.lru_drains.add(1, Relaxed);
    }

    fn record_tables_freed(&self, tables: usize) {
        self.page_tables_freed.add(tables as u64, Relaxed);
    }

    fn record_wait(&self, time: Delta) {
        self.waited_ns.add(time.as_nanos().unsigned_abs(), Relaxed);
    }

    fn record(&self, outcome: Outcome, cost: &Cost, extents: usize) {
        self.outcomes[outcome as usize].add(extents as u64, Relaxed);
        self.attempts.add(cost.attempts, Relaxed);
        let pmds_mapped = u64::from(cost.report.pmds_mapped);
        let page_tables_freed = u64::from(cost.report.page_tables_freed);
        self.pmds_mapped.add(pmds_mapped, Relaxed);
        self.page_tables_freed.add(page_tables_freed, Relaxed);
        self.pages_swapped_in.add(cost.pages_swapped_in, Relaxed);
        self.holes_filled.add(cost.holes_filled, Relaxed);
        self.copy_ns.add(cost.report.copy_ns, Relaxed);
        self.total_ns.add(cost.total_ns, Relaxed);
    }

    /// Zeroes the counters of extents, but not those of their costs.
    pub(crate) fn reset_extents(&self) {
        for outcome in &self.outcomes {
            outcome.store(0, Relaxed);
        }
    }
}

impl Figures {
    fn sum(&self, counts: impl Fn(Outcome) -> bool) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| counts(*outcome))
            .map(|outcome| self.get(Counter::Ended(outcome)))
            .fold(0, u64::wrapping_add)
    }

    /// Combines the figures of a walk with those of an `earlier` one over the same extents, which
    /// was interrupted.
    ///
    /// Each extent counts once, as collapsed if either walk has collapsed it. `made` is the number
    /// of extents that all earlier walks have collapsed. The counts of extents are those of the
    /// walk that has come further, which may be the earlier one. Costs are those of `self`, which
    /// accumulates them.
    pub(crate) fn going_on(&self, earlier: &Figures, made: u64) -> Figures {
        let mut both = *self;
        if self.get(Counter::Extents) < earlier.get(Counter::Extents) {
            both.outcomes = earlier.outcomes;
            return both;
        }
        let huge = &mut both.outcomes[Outcome::AlreadyHuge as usize];
        let ours = made.min(*huge);
        *huge -= ours;
        both.outcomes[Outcome::Collapsed as usize] += ours;
        both
    }
}

/// Counters that a request updates: those of all requests and, if any, its own.
#[derive(Clone, Copy)]
pub(crate) struct Tally<'e> {
    all: &'e Stats,
    own: Option<&'e Stats>,
}

impl<'e> Tally<'e> {
    /// Creates a tally. `own`, if any, counts this request only.
    pub(crate) fn new(all: &'e Stats, own: Option<&'e Stats>) -> Self {
        Self { all, own }
    }

    fn each(&self) -> impl Iterator<Item = &'e Stats> {
        Iterator::chain(core::iter::once(self.all), self.own)
    }

    /// Counts a request.
    pub(crate) fn record_request(&self) {
        self.each().for_each(Stats::record_request);
    }

    /// Counts page tables that were freed for no extent.
    pub(crate) fn record_tables_freed(&self, tables: usize) {
        self.each()
            .for_each(|stats| stats.record_tables_freed(tables));
    }

    /// Counts one drain of the LRU batches of all CPUs.
    pub(crate) fn record_lru_drain(&self) {
        self.each().for_each(Stats::record_lru_drain);
    }

    /// Counts time in which a request waited for extents that were in use.
    pub(crate) fn record_wait(&self, time: Delta) {
        self.each().for_each(|stats| stats.record_wait(time));
    }

    /// Counts an extent, or several with the same outcome. Called once, when the outcome is final.
    pub(crate) fn record(&self, outcome: Outcome, cost: &Cost, extents: usize) {
        self.each()
            .for_each(|stats| stats.record(outcome, cost, extents));
    }
}

#[kunit_tests(shmem_collapse_stats)]
mod tests {
    use super::*;

    fn figures(outcomes: &[(Outcome, u64)]) -> Figures {
        let stats = Stats::new();
        for (outcome, count) in outcomes {
            for _ in 0..*count {
                stats.record(*outcome, &Cost::default(), 1);
            }
        }
        stats.figures()
    }

    fn balanced(figures: &Figures) -> bool {
        let huge = figures.get(Counter::Collapsed) + figures.get(Counter::AlreadyHuge);
        figures.get(Counter::Extents) == huge + figures.get(Counter::Failed)
    }

    #[test]
    fn every_outcome_is_an_extent() {
        let stats = Stats::new();
        for (recorded, outcome) in (1..).zip(Outcome::ALL) {
            stats.record(outcome, &Cost::default(), 1);
            let figures = stats.figures();
            assert_eq!(figures.get(Counter::Ended(outcome)), 1);
            assert_eq!(figures.get(Counter::Extents), recorded);
            assert!(balanced(&figures));
        }
        let failures = Outcome::ALL.len() as u64 - 2;
        assert_eq!(stats.figures().get(Counter::Failed), failures);
    }

    #[test]
    fn costs_add_up() {
        let stats = Stats::new();
        let cost = Cost {
            report: ExtentReport {
                pmds_mapped: 8,
                page_tables_freed: 7,
                copy_ns: 3,
                ..ExtentReport::default()
            },
            pages_swapped_in: 1,
            holes_filled: 2,
            attempts: 5,
            total_ns: 4,
            window: Delta::ZERO,
        };
        stats.record_wait(Delta::from_nanos(6));
        stats.record(Outcome::Collapsed, &cost, 1);
        stats.record(Outcome::Collapsed, &cost, 1);
        let figures = stats.figures();
        assert_eq!(figures.get(Counter::PmdsMapped), 16);
        assert_eq!(figures.get(Counter::PageTablesFreed), 14);
        assert_eq!(figures.get(Counter::PagesSwappedIn), 2);
        assert_eq!(figures.get(Counter::HolesFilled), 4);
        assert_eq!(figures.get(Counter::Attempts), 10);
        assert_eq!(figures.get(Counter::WaitedNs), 6);
        assert_eq!(figures.get(Counter::CopyNs), 6);
        assert_eq!(figures.get(Counter::TotalNs), 8);
    }

    #[test]
    fn a_stretch_counts_with_its_extents_and_costs_once() {
        let stats = Stats::new();
        let cost = Cost {
            total_ns: 5,
            ..Cost::default()
        };
        let extents = 1 << (usize::BITS * 5 / 8);
        stats.record(Outcome::Empty, &cost, extents);
        stats.record(Outcome::Empty, &cost, 1);
        let figures = stats.figures();
        assert_eq!(
            figures.get(Counter::Ended(Outcome::Empty)),
            extents as u64 + 1
        );
        assert_eq!(figures.get(Counter::Failed), extents as u64 + 1);
        assert_eq!(figures.get(Counter::TotalNs), 10);
        assert!(balanced(&figures));
    }

    #[test]
    fn reset_zeroes_all() {
        let stats = Stats::new();
        stats.record_request();
        stats.record_lru_drain();
        stats.record_wait(Delta::from_nanos(6));
        for outcome in Outcome::ALL {
            let cost = Cost {
                total_ns: 5,
                attempts: 1,
                ..Cost::default()
            };
            stats.record(outcome, &cost, 1);
        }
        stats.reset();
        for counter in Counter::TOTALS {
            assert_eq!(stats.figures().get(counter), 0);
        }
        for outcome in Outcome::ALL {
            assert_eq!(stats.figures().get(Counter::Ended(outcome)), 0);
        }
    }

    #[test]
    fn a_request_counts_for_all_and_for_itself() {
        let (all, own) = (Stats::new(), Stats::new());
        Tally::new(&all, None).record(Outcome::Pinned, &Cost::default(), 1);
        let tally = Tally::new(&all, Some(&own));
        tally.record_request();
        tally.record_lru_drain();
        tally.record(Outcome::Collapsed, &Cost::default(), 1);
        for (counter, of_all, of_own) in [
            (Counter::Requests, 1, 1),
            (Counter::LruDrains, 1, 1),
            (Counter::Extents, 2, 1),
            (Counter::Failed, 1, 0),
        ] {
            assert_eq!(all.figures().get(counter), of_all);
            assert_eq!(own.figures().get(counter), of_own);
        }
    }

    #[test]
    fn what_an_earlier_walk_made_huge_counts_as_collapsed() {
        let earlier = figures(&[(Outcome::Collapsed, 3), (Outcome::AlreadyHuge, 1)]);
        let now = figures(&[
            (Outcome::AlreadyHuge, 4),
            (Outcome::Collapsed, 2),
            (Outcome::Pinned, 1),
        ]);
        let both = now.going_on(&earlier, 3);
        assert_eq!(both.get(Counter::Collapsed), 5);
        assert_eq!(both.get(Counter::AlreadyHuge), 1);
        assert_eq!(both.get(Counter::Failed), 1);
        assert!(balanced(&both));
    }

    #[test]
    fn what_was_split_meanwhile_counts_once() {
        let earlier = figures(&[(Outcome::Collapsed, 3)]);
        let now = figures(&[(Outcome::Collapsed, 3), (Outcome::Empty, 1)]);
        let both = now.going_on(&earlier, 3);
        assert_eq!(both.get(Counter::Collapsed), 3);
        assert_eq!(both.get(Counter::Extents), 4);
    }

    #[test]
    fn the_walk_that_came_further_tells() {
        let earlier = figures(&[(Outcome::Collapsed, 3), (Outcome::Pinned, 2)]);
        let both = figures(&[(Outcome::AlreadyHuge, 4)]).going_on(&earlier, 3);
        assert_eq!(both.get(Counter::Collapsed), 3);
        assert_eq!(both.get(Counter::Failed), 2);
        assert_eq!(both.get(Counter::AlreadyHuge), 0);
        let both = figures(&[(Outcome::AlreadyHuge, 5)]).going_on(&earlier, 3);
        assert_eq!(both.get(Counter::Collapsed), 3);
        assert_eq!(both.get(Counter::AlreadyHuge), 2);
    }
}
