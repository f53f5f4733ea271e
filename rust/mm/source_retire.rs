// SPDX-License-Identifier: GPL-2.0

//! The end of the small folios.

use super::{
    Frozen,
    Sources, //
};
use crate::bindings;

/// Folios ended per call: as many as the kernel frees in one go.
const BATCH: usize = 31;

impl Sources<'_, '_, Frozen> {
    /// Ends the folios' life after the huge folio took their place: out of the
    /// statistics, unlocked, freed.
    ///
    /// # Safety
    ///
    /// The page cache no longer has any of them.
    pub(super) unsafe fn retire(self) {
        for (first, places) in self.homes() {
            let pages = self.pages(places);
            // SAFETY: Frozen by us, so valid until ended below.
            unsafe { bindings::folio_stat_cached(first, -(pages as i32)) };
        }
        let all = self.scratch.folios.len();
        for at in (0..all).step_by(BATCH) {
            let (folios, nr) = self.folios(at..all.min(at + BATCH));
            // SAFETY: Frozen and locked by us; the page cache's references are
            // gone with its entries, so one reference is left: ours.
            unsafe { bindings::folios_end(folios, nr) };
            super::cond_resched();
        }
        core::mem::forget(self);
    }
}
