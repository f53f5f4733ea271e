// SPDX-License-Identifier: GPL-2.0

//! Freeing the small folios after the huge one took their place.

use super::{
    state::Frozen,
    Sources, //
};
use crate::bindings;

impl Sources<'_, '_, Frozen> {
    /// Takes the folios out of the statistics, unlocks and frees them. Context: may reschedule.
    ///
    /// # Safety
    ///
    /// The page cache no longer has any of them.
    pub(in crate::mm) unsafe fn retire(self) {
        let mut this = core::mem::ManuallyDrop::new(self);
        for (first, places) in this.homes() {
            let pages = this.pages(places);
            // SAFETY: Frozen by us, so valid until ended below.
            unsafe { bindings::folio_stat_cached(first, -(pages as i32)) };
        }
        let (folios, nr) = this.all_folios();
        // SAFETY: Frozen and locked by us; the page cache's references are gone with its entries,
        // so one reference is left: ours.
        unsafe { bindings::folios_end(folios, nr) };
        this.scratch.tables.free();
    }
}
