// SPDX-License-Identifier: GPL-2.0

//! From references to locks.

use super::{
    is_absent,
    state::{
        Locked,
        Referenced, //
    },
    Obstacle,
    Sources, //
};
use crate::{
    bindings,
    mm::{
        cache_section::CacheSection,
        folio_wait::lock_folio, //
    },
    support::failpoint::Point, //
};
use kernel::prelude::*;

impl<'x, 'b> Sources<'x, 'b, Referenced> {
    /// Makes sure that storing one huge entry needs no memory
    /// (`xas_create_range()`). Context: sleeps.
    pub(crate) fn reserve_nodes(&self) -> Result {
        CacheSection::reserve(self.mapping, self.index)
    }

    /// Locks the folios in the order of their indices, sleeping for the first
    /// only, until `over` says so, and makes sure that they still are what the
    /// page cache has.
    pub(crate) fn lock(self, over: &dyn Fn() -> bool) -> Result<Sources<'x, 'b, Locked>, Obstacle> {
        let end = self.scratch.folios.len();
        let first = self.scratch.folios.iter().position(|f| !f.is_null());
        let Some(first) = first else {
            return Err(Obstacle::Raced);
        };
        // SAFETY: Referenced. Nothing is locked while this sleeps.
        if !unsafe { lock_folio(self.scratch.folios[first], over) } {
            return Err(Obstacle::Locked);
        }
        let (rest, nr) = self.folios(first + 1..Point::PageLock.cut(first + 1..end));
        // SAFETY: All are referenced.
        let locked = first + 1 + unsafe { bindings::folios_trylock(rest, nr) } as usize;
        let obstacle = if locked < end {
            Some(Obstacle::Locked)
        } else {
            self.changed()
        };
        if let Some(obstacle) = obstacle {
            let locked = &self.scratch.folios[..locked];
            for folio in locked.iter().filter(|folio| !folio.is_null()) {
                // SAFETY: Locked above.
                unsafe { bindings::folio_unlock(*folio) };
            }
            return Err(obstacle);
        }
        // INVARIANT: All are locked and in the page cache, where the lock keeps
        // them, with the order that was noted; each frame is a page or a hole.
        Ok(self.into_state())
    }

    /// Looks again, now that all are locked.
    fn changed(&self) -> Option<Obstacle> {
        // What had to be brought in was not, or not all of it.
        if !self.complete && self.scratch.frames.iter().copied().any(is_absent) {
            return Some(Obstacle::Raced);
        }
        let all = self.scratch.folios.len();
        let (folios, nr) = self.folios(0..Point::PageChanged.cut(0..all));
        let orders = self.scratch.orders.as_ptr();
        let mapping = self.mapping.as_ptr();
        // SAFETY: Both arrays have that many elements; all folios are referenced
        // and locked.
        let same = unsafe { bindings::folios_unchanged(folios, orders, nr, mapping, self.index) };
        let folio = self.scratch.folios.get(same as usize)?;
        // SAFETY: Referenced, if it is one.
        if !folio.is_null() && unsafe { bindings::folio_poisoned(*folio) } {
            Some(Obstacle::Poisoned)
        } else {
            Some(Obstacle::Raced)
        }
    }
}
