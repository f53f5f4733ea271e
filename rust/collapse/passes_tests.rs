// SPDX-License-Identifier: GPL-2.0

//! KUnit suite: which extents a request looks at, and what it says of the rest.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_passes)]
mod tests {
    use super::super::{
        config::Config,
        engine::Engine,
        outcome::Outcome,
        passes::{
            Keys,
            Passes,
            Walk, //
        },
        stats::{
            Cost,
            Counter,
            Tally, //
        },
        stay::Stay, //
    };
    use crate::mm::sources::Scratch;
    use core::ops::Range;
    use kernel::{
        prelude::*,
        sync::atomic::{
            Atomic,
            Relaxed, //
        },
    };

    const CONFIG: Config = Config {
        max_ptes_none: 0,
        max_ptes_swap: 0,
        map_all: true,
        direct_reclaim: false,
        workers: 1,
        target_node: None,
        charge_caller: false,
    };

    /// Keys that are huge, but for a stretch of holes.
    struct Sparse {
        holes: Range<usize>,
        looks: Atomic<usize>,
    }

    impl Walk for Sparse {
        fn attempt(&self, key: usize, _: &mut Scratch, _: &mut Cost) -> Result<Outcome> {
            self.looks.add(1, Relaxed);
            Ok(if self.holes.contains(&key) {
                Outcome::Empty
            } else {
                Outcome::AlreadyHuge
            })
        }

        fn stretch(&self, key: usize, most: usize, _: Outcome) -> usize {
            self.holes.end.saturating_sub(key).min(most)
        }
    }

    /// What became of a walk over `keys`.
    struct Told {
        looks: usize,
        events: usize,
        extents: usize,
        behind: usize,
        empty: u64,
        verdict: Result,
    }

    fn walk(keys: &Keys, holes: Range<usize>, workers: usize) -> Result<Told> {
        let engine = KBox::pin_init(Engine::new(), GFP_KERNEL)?;
        let current = current!();
        let stay = Stay::begin(&engine, engine.restarts(), current);
        let tally = Tally::new(engine.stats(), None);
        let config = Config { workers, ..CONFIG };
        let sparse = Sparse {
            holes,
            looks: Atomic::new(0),
        };
        let (events, extents) = (Atomic::new(0usize), Atomic::new(0usize));
        let tell = |_key: usize, _outcome: Outcome, number: usize| {
            events.add(1, Relaxed);
            extents.add(number, Relaxed);
        };
        pin_init::stack_pin_init!(let passes = Passes::new(&stay, &config, tally, 0, &tell));
        let behind = passes.first(keys, &sparse)?;
        passes.rest(&sparse)?;
        Ok(Told {
            looks: sparse.looks.load(Relaxed),
            events: events.load(Relaxed),
            extents: extents.load(Relaxed),
            behind,
            empty: engine.stats().figures().get(Counter::Ended(Outcome::Empty)),
            verdict: passes.verdict(),
        })
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
