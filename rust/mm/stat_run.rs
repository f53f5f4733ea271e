// SPDX-License-Identifier: GPL-2.0

//! LRU-vector statistics, one call for a run of folios that count at the same
//! place.

use crate::bindings;

/// Adds up pages of successive folios of one memory cgroup and node.
///
/// # Invariants
///
/// `first`, if not null, is a folio that the caller of [`add`](StatRun::add)
/// keeps until the run ends.
pub(super) struct StatRun {
    first: *mut bindings::folio,
    pages: i32,
    count: unsafe extern "C" fn(*mut bindings::folio, i32),
}

impl StatRun {
    /// Pages leave the count of mapped file pages.
    pub(super) fn unmapped() -> Self {
        Self::new(bindings::folio_stat_mapped)
    }

    /// Pages leave the page cache.
    pub(super) fn uncached() -> Self {
        Self::new(bindings::folio_stat_cached)
    }

    fn new(count: unsafe extern "C" fn(*mut bindings::folio, i32)) -> Self {
        // INVARIANT: No folio yet.
        Self {
            first: core::ptr::null_mut(),
            pages: 0,
            count,
        }
    }

    /// # Safety
    ///
    /// `folio` is valid and stays so until the run is flushed or dropped.
    pub(super) unsafe fn add(&mut self, folio: *mut bindings::folio, pages: usize) {
        let joins = !self.first.is_null()
            // SAFETY: Both are valid by the invariant and the contract.
            && unsafe { bindings::folio_same_stat_home(self.first, folio) };
        if !joins {
            self.flush();
            // INVARIANT: Kept by the caller.
            self.first = folio;
        }
        self.pages += pages as i32;
    }

    /// Reports what has been added up.
    pub(super) fn flush(&mut self) {
        if !self.first.is_null() && self.pages != 0 {
            // SAFETY: By the type invariant.
            unsafe { (self.count)(self.first, -self.pages) };
        }
        self.first = core::ptr::null_mut();
        self.pages = 0;
    }
}

impl Drop for StatRun {
    fn drop(&mut self) {
        self.flush();
    }
}
