// SPDX-License-Identifier: GPL-2.0

//! What requests share.

use super::stats::Stats;
use crate::mm::{
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
};

/// Extent locks. Extents that fall together wait for each other.
const LOCKS: usize = 16;

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
    /// would each find the other's references and fail. Context: sleeps.
    pub(super) fn lock_extent(&self, mapping: Mapping<'_>, index: usize) -> MutexGuard<'_, ()> {
        let extent = index >> crate::pgtable::pmd_pages().ilog2();
        let slot = (mapping.id() >> 6).wrapping_add(extent) % LOCKS;
        self.extents[slot].lock()
    }
}
