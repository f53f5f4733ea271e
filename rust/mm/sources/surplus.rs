// SPDX-License-Identifier: GPL-2.0

//! References that nothing accounts for.

use super::{
    state::{
        Locked,
        Referenced, //
    },
    Sources,
    Surplus, //
};
use crate::{
    bindings,
    support::failpoint::Point, //
};

impl Sources<'_, '_, Referenced> {
    /// Returns whether a folio seemed to have references that are not ours, the page cache's or a
    /// mapping's.
    ///
    /// A hint only: without the lock, a page that is being mapped looks the same.
    pub(crate) fn had_surplus(&self) -> bool {
        self.surplus
    }
}

impl Sources<'_, '_, Locked> {
    /// Looks for references that are not ours, the page cache's or a mapping's.
    pub(crate) fn surplus_mapped(&self) -> Option<Surplus> {
        if Point::ReferencesMapped.fails() {
            return Some(Surplus::Passing);
        }
        self.surplus(true)
    }

    /// Looks for references that are not ours or the page cache's, once the mappings are settled:
    /// one that is left could write to the old page.
    pub(in crate::mm) fn surplus_unmapped(&self) -> Option<Surplus> {
        if Point::ReferencesUnmapped.fails() {
            return Some(Surplus::Passing);
        }
        self.surplus(false)
    }

    fn surplus(&self, mapped: bool) -> Option<Surplus> {
        let (folios, nr) = self.all_folios();
        // SAFETY: All are referenced and locked.
        let accounted = unsafe { bindings::folios_accounted(folios, nr, mapped) } as usize;
        let folio = *self.scratch.folios.get(accounted)?;
        // SAFETY: Referenced.
        let pinned = unsafe { bindings::folio_maybe_dma_pinned(folio) };
        Some(if pinned {
            Surplus::Pinned
        } else {
            Surplus::Passing
        })
    }
}
