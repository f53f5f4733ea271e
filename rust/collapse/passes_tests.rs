// SPDX-License-Identifier: GPL-2.0

//! KUnit suite: which extents a request looks at, and what it says of the rest.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_passes)]
mod tests {
    use super::super::{
        config::Config,
        engine::Engine,
        keys::Keys,
        locate::Place,
        outcome::Outcome,
        passes::Passes,
        patience::Patience,
        stats::{
            Counter,
            Tally, //
        },
        stay::Stay,
        walk::Walk, //
    };
    use core::ops::Range;
    use kernel::{
        prelude::*,
        sync::atomic::{
            Atomic,
            Relaxed, //
        },
        time::Delta, //
    };

    const CONFIG: Config = Config {
        max_ptes_none: 0,
        max_ptes_swap: 0,
        map_all: true,
        direct_reclaim: false,
        workers: 1,
        target_node: None,
        own: false,
        patience: Delta::ZERO,
    };

    /// Keys that are huge, but for a stretch of holes, and for the first that are in use for a
    /// while.
    struct Sparse {
        holes: Range<usize>,
        /// The looks that find each of these keys in use.
        busy: KVec<Atomic<usize>>,
        looks: Atomic<usize>,
        events: Atomic<usize>,
        extents: Atomic<usize>,
    }

    impl Walk for Sparse {
        fn find(&self, key: usize) -> Result<Result<Place<'_>, Outcome>> {
            self.looks.add(1, Relaxed);
            if let Some(left) = self.busy.get(key) {
                // Nobody else has this key meanwhile.
                if left.load(Relaxed) > 0 {
                    left.fetch_sub(1usize, Relaxed);
                    return Ok(Err(Outcome::Pinned));
                }
            }
            Ok(Err(if self.holes.contains(&key) {
                Outcome::Empty
            } else {
                Outcome::AlreadyHuge
            }))
        }

        fn stretch(&self, key: usize, most: usize, _: Outcome) -> usize {
            self.holes.end.saturating_sub(key).min(most)
        }

        fn note(&self, _key: usize, _outcome: Outcome, number: usize) {
            self.events.add(1, Relaxed);
            self.extents.add(number, Relaxed);
        }
    }

    /// What became of a walk over `keys`.
    struct Told {
        looks: usize,
        events: usize,
        extents: usize,
        behind: usize,
        empty: u64,
        pinned: u64,
        verdict: Result,
    }

    fn go(keys: &Keys, sparse: &Sparse, config: &Config) -> Result<Told> {
        let engine = KBox::pin_init(Engine::new(), GFP_KERNEL)?;
        let current = current!();
        let stay = Stay::begin(&engine, engine.restarts(), current);
        let tally = Tally::new(engine.stats(), None);
        let patience = Patience::new(config.patience);
        pin_init::stack_pin_init!(
            let passes = Passes::new(&stay, config, &patience, tally, sparse, 0)
        );
        let behind = passes.first(keys)?;
        passes.rest()?;
        let figures = engine.stats().figures();
        Ok(Told {
            looks: sparse.looks.load(Relaxed),
            events: sparse.events.load(Relaxed),
            extents: sparse.extents.load(Relaxed),
            behind,
            empty: figures.get(Counter::Ended(Outcome::Empty)),
            pinned: figures.get(Counter::Ended(Outcome::Pinned)),
            verdict: passes.verdict(),
        })
    }

    fn walk(keys: &Keys, holes: Range<usize>, workers: usize) -> Result<Told> {
        let sparse = Sparse {
            holes,
            busy: KVec::new(),
            looks: Atomic::new(0),
            events: Atomic::new(0),
            extents: Atomic::new(0),
        };
        go(keys, &sparse, &Config { workers, ..CONFIG })
    }

    /// A walk over `all` keys, each of which is in use for `looks` of them.
    fn insist(all: usize, looks: usize, workers: usize, patience: Delta) -> Result<Told> {
        let mut busy = KVec::new();
        for _ in 0..all {
            busy.push(Atomic::new(looks), GFP_KERNEL)?;
        }
        let sparse = Sparse {
            holes: 0..0,
            busy,
            looks: Atomic::new(0),
            events: Atomic::new(0),
            extents: Atomic::new(0),
        };
        let config = Config {
            workers,
            patience,
            ..CONFIG
        };
        go(&Keys::inside(0..all, 1), &sparse, &config)
    }

    const LONG: Delta = Delta::from_secs(60);

    #[test]
    fn what_is_in_use_is_tried_again() -> Result {
        let told = insist(10, 5, 1, LONG)?;
        assert_eq!(told.looks, 10 * 6);
        assert_eq!(told.events, 10);
        assert_eq!(told.pinned, 0);
        assert_eq!(told.verdict, Ok(()));
        Ok(())
    }

    /// More than a list holds: no extent is dropped because others wait, whoever finds it full.
    #[test]
    fn a_full_list_is_worked_off() -> Result {
        for workers in [1, 4] {
            let told = insist(2000, 2, workers, LONG)?;
            assert_eq!(told.looks, 2000 * 3);
            assert_eq!(told.extents, 2000);
            assert_eq!(told.pinned, 0);
            assert_eq!(told.verdict, Ok(()));
        }
        Ok(())
    }

    #[test]
    fn without_patience_each_is_tried_once() -> Result {
        let told = insist(1000, 1, 1, Delta::ZERO)?;
        assert_eq!(told.looks, 1000);
        assert_eq!(told.events, 1000);
        assert_eq!(told.pinned, 1000);
        assert_eq!(told.verdict, Err(EAGAIN));
        Ok(())
    }

    /// When the patience is over all are tried once more, and end so.
    #[test]
    fn patience_ends() -> Result {
        let told = insist(3, usize::MAX, 1, Delta::from_millis(5))?;
        assert!(told.looks >= 6);
        assert_eq!(told.looks % 3, 0);
        assert_eq!(told.events, 3);
        assert_eq!(told.pinned, 3);
        assert_eq!(told.verdict, Err(EAGAIN));
        Ok(())
    }

    /// More than a walk that visits each could end with.
    const MANY: usize = 1 << (usize::BITS * 2 / 3);

    #[test]
    fn a_stretch_is_looked_at_once() -> Result {
        let all = MANY;
        let told = walk(&Keys::inside(0..all, 1), 10..all - 5, 1)?;
        assert_eq!(told.looks, 16);
        assert_eq!(told.events, 16);
        assert_eq!(told.extents, all);
        assert_eq!(told.empty, all as u64 - 15);
        assert_eq!(told.behind, 0);
        assert_eq!(told.verdict, Err(ENODATA));
        Ok(())
    }

    #[test]
    fn a_stretch_ends_with_the_request() -> Result {
        let told = walk(&Keys::inside(0..20, 1), 10..MANY, 1)?;
        assert_eq!(told.looks, 11);
        assert_eq!(told.extents, 20);
        assert_eq!(told.empty, 10);
        Ok(())
    }

    /// Workers have their own extents, and nobody's is counted twice or left out.
    #[test]
    fn workers_share_a_stretch() -> Result {
        let all = 1 << 20;
        let told = walk(&Keys::inside(0..all, 1), 10..all - 5, 4)?;
        assert!(told.looks <= 16 + 4);
        assert!(told.events <= told.looks + 4);
        assert_eq!(told.extents, all);
        assert_eq!(told.empty, all as u64 - 15);
        Ok(())
    }

    #[test]
    fn a_stretch_reaches_behind_a_part() -> Result {
        let mut keys = Keys::inside(0..100, 1);
        let part = keys.take_front(4).ok_or(EINVAL)?;
        let told = walk(&part, 2..50, 1)?;
        assert_eq!(told.looks, 3);
        assert_eq!(told.behind, 46);
        assert_eq!(told.extents, 50);
        assert_eq!(keys.take_front(told.behind).map_or(0, |k| k.count()), 46);
        assert_eq!(keys.count(), 50);
        Ok(())
    }
}
