// SPDX-License-Identifier: GPL-2.0

//! The end of the small folios.

use super::{
    stat_run::StatRun,
    Frozen,
    Sources, //
};
use crate::bindings;
use core::mem::MaybeUninit;

impl Sources<'_, '_, Frozen> {
    /// Ends the folios' life after the huge folio took their place: out of the
    /// statistics, unlocked, freed.
    ///
    /// # Safety
    ///
    /// The page cache no longer has any of them.
    pub(super) unsafe fn retire(self) {
        {
            let mut run = StatRun::uncached();
            for slot in self.heads() {
                // SAFETY: Frozen by us, so valid until freed below.
                unsafe { run.add(slot.folio, 1 << slot.order) };
            }
        }
        let mut batch = MaybeUninit::<bindings::folio_batch>::zeroed();
        let batch = batch.as_mut_ptr();
        for slot in self.heads() {
            // SAFETY: Frozen and locked by us; the page cache's references are
            // gone with its entries, so one reference is left: ours, which the
            // batch takes. An all-zero batch is empty.
            unsafe {
                bindings::folio_detach(slot.folio);
                bindings::folio_ref_unfreeze(slot.folio, 1);
                bindings::folio_unlock(slot.folio);
                if bindings::folio_batch_add(batch, slot.folio) == 0 {
                    bindings::folio_batch_put(batch);
                    super::cond_resched();
                }
            }
        }
        // SAFETY: As above.
        unsafe { bindings::folio_batch_put(batch) };
        core::mem::forget(self);
    }
}
