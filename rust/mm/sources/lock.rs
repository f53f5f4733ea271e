// SPDX-License-Identifier: GPL-2.0

//! Locking the small folios.

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
    support::failpoint::Point, //
};

impl<'x, 'b> Sources<'x, 'b, Referenced> {
    /// Locks the folios in the order of their indices, each only if that is possible at once, and
    /// makes sure that they still are what the page cache has.
    pub(crate) fn lock(self) -> Result<Sources<'x, 'b, Locked>, Obstacle> {
        let end = self.scratch.folios.len();
        let (folios, nr) = self.folios(0..Point::PageLock.cut(0..end));
        // SAFETY: All are referenced.
        let locked = unsafe { bindings::folios_trylock(folios, nr) } as usize;
        let obstacle = if locked < end {
            Some(Obstacle::Locked)
        } else {
            self.changed()
        };
        if let Some(obstacle) = obstacle {
            let locked = self.scratch.folios.iter().take(locked);
            for folio in locked.filter(|folio| !folio.is_null()) {
                // SAFETY: Locked above.
                unsafe { bindings::folio_unlock(*folio) };
            }
            return Err(obstacle);
        }
        // SAFETY: All are locked and in the page cache, where the lock keeps them, with the order
        // that was noted; each frame is a page or a hole.
        Ok(unsafe { self.into_state() })
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
        let (mapping, first) = (self.extent.mapping().as_ptr(), self.extent.first());
        // SAFETY: Both arrays have that many elements; all folios are referenced and locked.
        let same = unsafe { bindings::folios_unchanged(folios, orders, nr, mapping, first) };
        let folio = self.scratch.folios.get(same as usize)?;
        if folio.is_null() {
            return Some(Obstacle::Raced);
        }
        // SAFETY: Referenced.
        let (poisoned, written_back) = unsafe {
            (
                bindings::folio_poisoned(*folio),
                bindings::folio_writeback(*folio),
            )
        };
        Some(if poisoned {
            Obstacle::Poisoned
        } else if written_back {
            // Writeback ends by itself, as a lock does.
            Obstacle::Locked
        } else {
            Obstacle::Raced
        })
    }
}
