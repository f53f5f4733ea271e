// SPDX-License-Identifier: GPL-2.0

//! From references to locks.

use super::{
    fault::Point,
    source_find::look_at,
    sources::Slot,
    CacheSection,
    Locked,
    Obstacle,
    Referenced,
    Sources, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::prelude::*;

impl<'x, 'b> Sources<'x, 'b, Referenced> {
    /// A folio of the memory cgroup and node to which most of the folios belong
    /// (majority vote; any of them when there is no majority).
    pub(super) fn home(&self) -> Option<NonNull<bindings::folio>> {
        let mut home = core::ptr::null_mut();
        let mut votes = 0;
        for slot in self.heads() {
            // SAFETY: Both folios are referenced.
            if votes > 0 && unsafe { bindings::folio_same_stat_home(home, slot.folio) } {
                votes += 1usize << slot.order;
            } else if votes < 1 << slot.order {
                home = slot.folio;
                votes = (1 << slot.order) - votes;
            } else {
                votes -= 1 << slot.order;
            }
        }
        NonNull::new(home)
    }

    /// Makes sure that storing one huge entry needs no memory
    /// (`xas_create_range()`). Context: sleeps.
    pub(crate) fn reserve_nodes(&self) -> Result {
        CacheSection::reserve(self.mapping, self.index)
    }

    /// Locks the folios in the order of their indices, sleeping for the first
    /// only, and makes sure that they still are what the page cache has.
    pub(crate) fn lock(self) -> Result<Sources<'x, 'b, Locked>, Obstacle> {
        let mut locked = 0;
        let mut obstacle = None;

        for slot in self.heads() {
            // SAFETY: Referenced. Nothing is locked while this sleeps.
            unsafe {
                if locked == 0 {
                    bindings::folio_lock(slot.folio);
                } else if Point::PageLock.fails_at(locked) || !bindings::folio_trylock(slot.folio) {
                    obstacle = Some(Obstacle::Locked);
                    break;
                }
            }
            locked += 1;
            // SAFETY: Referenced and locked.
            obstacle = unsafe { self.changed(slot) };
            if obstacle.is_some() {
                break;
            }
        }
        if let Some(obstacle) = obstacle {
            for slot in self.heads().take(locked) {
                // SAFETY: Locked above.
                unsafe { bindings::folio_unlock(slot.folio) };
            }
            return Err(obstacle);
        }
        // INVARIANT: All are locked and in the page cache, where the lock keeps
        // them.
        Ok(self.into_state())
    }

    /// # Safety
    ///
    /// The slot's folio is locked.
    unsafe fn changed(&self, slot: &Slot) -> Option<Obstacle> {
        let folio = slot.folio;
        let nr = self.offset_of(slot);
        // SAFETY: Referenced.
        let facts = unsafe { look_at(folio) };
        // SAFETY: Locked, by this function's contract, and referenced.
        let same = unsafe { bindings::folio_in_mapping(folio, self.mapping.as_ptr()) }
            && facts.index == self.index + nr
            && facts.order == u32::from(slot.order)
            && facts.uptodate
            && !facts.writeback
            && !Point::PageChanged.fails_at(nr);
        if !same {
            Some(Obstacle::Raced)
        } else if facts.poisoned {
            Some(Obstacle::Poisoned)
        } else {
            None
        }
    }
}
