// SPDX-License-Identifier: GPL-2.0

//! What requests share.

use super::stats::Stats;
use crate::mm::{
    fatal_signal_pending,
    fault::Point,
    Mapping,
    Workers, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        lock::mutex::MutexGuard,
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// Extent locks. Extents that fall together wait for each other.
const LOCKS: usize = 16;

/// Wait between two looks at a lock that is taken.
const LOCK_POLL: Delta = Delta::from_micros(100);

/// The engine of the module.
#[pin_data]
pub(crate) struct Engine {
    stats: Stats,
    stopping: Atomic<bool>,
    workers: Workers,
    #[pin]
    extents: [Mutex<()>; LOCKS],
}

impl Engine {
    /// An engine that accepts requests.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            stats: Stats::new(),
            stopping: Atomic::new(false),
            workers: Workers::new()?,
            extents <- pin_init::pin_init_array_from_fn(|_| new_mutex!((), "shmem_collapse extent")),
        })
    }

    /// The counters.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Who helps with large requests.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Makes running requests end after the extent they are at.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Whether requests shall end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Keeps other requests off an extent. Two that worked on the same folios
    /// would each find the other's references and fail.
    ///
    /// [`None`] when the request shall end: whoever holds the lock may be waiting
    /// for a slow swap device. Context: sleeps.
    pub(super) fn lock_extent(
        &self,
        mapping: Mapping<'_>,
        index: usize,
    ) -> Option<MutexGuard<'_, ()>> {
        Point::ExtentLock.check(()).ok()?;
        let extent = index >> crate::pgtable::pmd_pages().trailing_zeros();
        let slot = (mapping.id() >> 6).wrapping_add(extent) % LOCKS;
        loop {
            if let Some(guard) = self.extents[slot].try_lock() {
                return Some(guard);
            }
            if self.is_stopping() || fatal_signal_pending() {
                return None;
            }
            fsleep(LOCK_POLL);
        }
    }
}
