// SPDX-License-Identifier: GPL-2.0

//! The knobs: numbers whose valid range depends on the machine.

use super::grammar;
use crate::{
    collapse::config::Config,
    pgtable::pmd_size::pmd_pages,
    support::machine::{
        self,
        MemoryNode, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::Delta, //
};

/// Value of `target_node`: the nodes that have most of the pages.
const NO_NODE: i32 = -1;

fn extent_pages() -> i32 {
    pmd_pages() as i32
}

/// A knob.
#[derive(Clone, Copy)]
pub(super) enum Knob {
    MaxPtesNone,
    MaxPtesSwap,
    MapAll,
    DirectReclaim,
    Workers,
    TargetNode,
    PatienceMs,
}

impl Knob {
    pub(super) const ALL: [Self; 7] = [
        Self::MaxPtesNone,
        Self::MaxPtesSwap,
        Self::MapAll,
        Self::DirectReclaim,
        Self::Workers,
        Self::TargetNode,
        Self::PatienceMs,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::MaxPtesNone => "max_ptes_none",
            Self::MaxPtesSwap => "max_ptes_swap",
            Self::MapAll => "map_all",
            Self::DirectReclaim => "direct_reclaim",
            Self::Workers => "workers",
            Self::TargetNode => "target_node",
            Self::PatienceMs => "patience_ms",
        }
    }

    /// Returns the default value.
    fn initial(self) -> i32 {
        match self {
            Self::MaxPtesNone | Self::MaxPtesSwap => self.largest(),
            Self::MapAll | Self::Workers => 1,
            Self::DirectReclaim => 0,
            Self::TargetNode => NO_NODE,
            Self::PatienceMs => 200,
        }
    }

    fn smallest(self) -> i32 {
        match self {
            Self::Workers => 1,
            Self::TargetNode => NO_NODE,
            _ => 0,
        }
    }

    fn largest(self) -> i32 {
        match self {
            Self::MaxPtesNone => extent_pages() - 1,
            Self::MaxPtesSwap => extent_pages(),
            Self::MapAll | Self::DirectReclaim => 1,
            Self::Workers => machine::online_cpus(),
            Self::TargetNode => i32::MAX,
            Self::PatienceMs => 60_000,
        }
    }

    fn allows(self, value: i32) -> bool {
        let node_is_usable = match self {
            Self::TargetNode => value == NO_NODE || MemoryNode::new(value).is_some(),
            _ => true,
        };
        (self.smallest()..=self.largest()).contains(&value) && node_is_usable
    }
}

/// The values of all knobs.
///
/// # Invariants
///
/// Every value was valid when it was written. CPUs and memory may have been removed since.
pub(super) struct Knobs([Atomic<i32>; Knob::ALL.len()]);

impl Knobs {
    /// Creates knobs with their default values.
    pub(super) fn new() -> Self {
        // INVARIANT: Default values are valid.
        Self(Knob::ALL.map(|knob| Atomic::new(knob.initial())))
    }

    pub(super) fn get(&self, knob: Knob) -> i32 {
        self.0[knob as usize].load(Relaxed)
    }

    /// Parses and sets a value. On error, the old value is kept.
    pub(super) fn set(&self, knob: Knob, text: &[u8]) -> Result {
        let value = i32::try_from(grammar::signed(text)?)?;
        if !knob.allows(value) {
            return Err(EINVAL);
        }
        // INVARIANT: Checked above.
        self.0[knob as usize].store(value, Relaxed);
        Ok(())
    }

    /// Returns the current values, for one request.
    pub(super) fn config(&self) -> Config {
        let count = |knob| self.get(knob).unsigned_abs() as usize;
        Config {
            max_ptes_none: count(Knob::MaxPtesNone),
            max_ptes_swap: count(Knob::MaxPtesSwap),
            map_all: self.get(Knob::MapAll) != 0,
            direct_reclaim: self.get(Knob::DirectReclaim) != 0,
            workers: count(Knob::Workers),
            // A node may have lost its memory since it was chosen.
            target_node: MemoryNode::new(self.get(Knob::TargetNode)),
            own: false,
            patience: Delta::from_millis(i64::from(self.get(Knob::PatienceMs))),
        }
    }
}

#[kunit_tests(shmem_collapse_knobs)]
mod tests {
    use super::*;

    #[test]
    fn defaults() {
        let config = Knobs::new().config();
        assert_eq!(config.max_ptes_none + 1, config.max_ptes_swap);
        assert_eq!(config.max_ptes_swap, pmd_pages());
        assert!(config.map_all);
        assert!(!config.direct_reclaim);
        assert_eq!(config.workers, 1);
        assert_eq!(config.target_node, None);
        assert_eq!(config.patience, Delta::from_millis(200));
    }

    #[test]
    fn limits_are_allowed() {
        let knobs = Knobs::new();
        for knob in [
            Knob::MaxPtesNone,
            Knob::MaxPtesSwap,
            Knob::MapAll,
            Knob::DirectReclaim,
            Knob::Workers,
            Knob::PatienceMs,
        ] {
            for value in [knob.smallest(), knob.largest()] {
                assert!(knob.allows(value));
            }
            assert!(!knob.allows(knob.smallest() - 1));
            assert!(!knob.allows(knob.largest() + 1));
        }
        assert!(knobs.set(Knob::TargetNode, b"-1\n").is_ok());
        assert!(knobs.set(Knob::TargetNode, b"-2").is_err());
        assert!(knobs.set(Knob::TargetNode, b"1000000").is_err());
    }

    #[test]
    fn an_error_keeps_the_old_value() {
        let knobs = Knobs::new();
        assert!(knobs.set(Knob::MaxPtesSwap, b" 0x7\n").is_ok());
        for text in [
            &b""[..],
            b"\n",
            b"-1",
            b"1000000",
            b"7 8",
            b"4294967303",
            b"x",
        ] {
            assert_eq!(knobs.set(Knob::MaxPtesSwap, text), Err(EINVAL));
            assert_eq!(knobs.get(Knob::MaxPtesSwap), 7);
        }
    }
}
