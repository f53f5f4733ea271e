// SPDX-License-Identifier: GPL-2.0

//! What requests share.

use super::{
    extent_lock::{
        ExtentLock,
        ExtentLocks, //
    },
    stats::Stats,
    stay::{
        Restarts,
        Stay, //
    },
};
use crate::{
    mm::backing::Mapping,
    support::{
        failpoint::Point,
        workers::Workers, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// The engine of the module.
#[pin_data]
pub(crate) struct Engine {
    stats: Stats,
    stopping: Atomic<bool>,
    workers: Workers,
    #[pin]
    restarts: Restarts,
    #[pin]
    extents: ExtentLocks,
}

impl Engine {
    /// An engine that accepts requests.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            stats: Stats::new(),
            stopping: Atomic::new(false),
            workers: Workers::new()?,
            restarts <- Restarts::new(),
            extents <- ExtentLocks::new(),
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

    /// Calls by sysfs that are about to come back.
    pub(crate) fn restarts(&self) -> &Restarts {
        &self.restarts
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
    /// [`None`] when `stay` is over: whoever holds the lock may be waiting for a
    /// slow swap device. Context: sleeps.
    pub(super) fn lock_extent(
        &self,
        mapping: Mapping<'_>,
        index: usize,
        stay: &Stay<'_>,
    ) -> Option<ExtentLock<'_>> {
        Point::ExtentLock.check(()).ok()?;
        let extent = index >> crate::pgtable::pmd_size::pmd_pages().trailing_zeros();
        self.extents.lock((mapping.id(), extent), || stay.is_over())
    }
}
