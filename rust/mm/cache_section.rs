// SPDX-License-Identifier: GPL-2.0

//! The page cache under its lock: small entries out, the huge one in.

use super::{
    backing::Mapping,
    huge_folio::{
        HugeFolio,
        PublishedFolio, //
    },
    reverse_map::ReverseMap,
    sources::{
        state::Frozen,
        Sources, //
    },
};
use crate::{
    bindings,
    pgtable::pmd_size::pmd_pages,
    support::failpoint::Point, //
};
use core::mem::MaybeUninit;
use kernel::{
    error::to_result,
    prelude::*,
    types::NotThreadSafe, //
};

/// The lock of a page cache (`i_pages`, interrupts off), inside the reverse
/// map's where there are holes.
///
/// One unbroken hold from blocking the holes to the store: the rest of shmem
/// does not expect to find retry entries under the lock. Dropped without a
/// store, the holes are holes again.
///
/// # Invariants
///
/// `xas` works on `mapping`'s array, whose lock is held. `blocked` says whether
/// retry entries stand in the holes of the extent.
pub(crate) struct CacheSection<'r, 'b> {
    xas: bindings::xa_state,
    mapping: Mapping<'b>,
    index: usize,
    blocked: bool,
    reverse_map: Option<&'r ReverseMap<'b>>,
    _nts: NotThreadSafe,
}

impl<'r, 'b> CacheSection<'r, 'b> {
    /// Makes the nodes that a huge entry at `index` needs. Context: sleeps.
    pub(super) fn reserve(mapping: Mapping<'b>, index: usize) -> Result {
        Point::Nodes.check(ENOMEM)?;
        let mut xas = new_xas(mapping, index, pmd_pages().trailing_zeros());
        loop {
            // SAFETY: `xas` is initialised; its array lives.
            unsafe {
                bindings::xas_lock_irq(&mut xas);
                bindings::xas_create_range(&mut xas);
                bindings::xas_unlock_irq(&mut xas);
            }
            // Without an error this frees a node that another task made
            // unnecessary.
            // SAFETY: As above; not under the lock.
            if !unsafe { bindings::xas_nomem(&mut xas, bindings::GFP_KERNEL) } {
                // SAFETY: As above.
                return to_result(unsafe { bindings::xas_error(&mut xas) });
            }
        }
    }

    /// Takes the lock for the extent that `huge` is meant for. Holes take the
    /// reverse map as well.
    pub(crate) fn enter(reverse_map: Option<&'r ReverseMap<'b>>, huge: &HugeFolio<'b>) -> Self {
        let mapping = huge.mapping();
        // Page by page first: the order would be that of every store.
        let mut xas = new_xas(mapping, huge.index(), 0);
        // SAFETY: `xas` is initialised; its array lives.
        unsafe { bindings::xas_lock_irq(&mut xas) };
        // INVARIANT: Locked on the line above; nothing is blocked yet.
        Self {
            xas,
            mapping,
            index: huge.index(),
            blocked: false,
            reverse_map,
            _nts: NotThreadSafe,
        }
    }

    /// Puts retry entries into the holes, so that lockless lookups wait for the
    /// outcome, and returns how many there are. Fails only without memory for
    /// nodes that were reserved.
    pub(crate) fn block_holes(&mut self) -> Result<usize> {
        let mut holes = 0;
        self.blocked = true;
        // SAFETY: `xas` is initialised and its lock held.
        unsafe {
            bindings::xas_set(&mut self.xas, self.index);
            for _ in 0..pmd_pages() {
                if bindings::xas_next(&mut self.xas).is_null() {
                    if Point::BlockHoles.fails_at(holes) {
                        return Err(ENOMEM);
                    }
                    bindings::xas_store(&mut self.xas, bindings::xa_retry_entry());
                    to_result(bindings::xas_error(&mut self.xas))?;
                    holes += 1;
                }
            }
        }
        Ok(holes)
    }

    fn unblock_holes(&mut self) {
        // SAFETY: `xas` is initialised and its lock held; storing nothing over
        // an entry needs no memory.
        unsafe {
            let retry = bindings::xa_retry_entry();
            bindings::xas_set(&mut self.xas, self.index);
            for _ in 0..pmd_pages() {
                if bindings::xas_next(&mut self.xas) == retry {
                    bindings::xas_store(&mut self.xas, core::ptr::null_mut());
                }
            }
        }
        self.blocked = false;
    }

    /// Whether a userfaultfd waits for a missing page in any mapping, as far as
    /// can be said: without the reverse map, one may.
    pub(crate) fn has_uffd_missing(&self) -> bool {
        self.reverse_map
            .is_none_or(|map| map.any(self.index, |vma| vma.has_uffd_missing()))
    }

    /// Whether a live update has frozen the mapping.
    pub(crate) fn is_frozen(&self) -> bool {
        self.mapping.is_frozen()
    }

    /// Stores the one huge entry in place of all small ones and drops the lock.
    ///
    /// Cannot fail: nodes were reserved and the sources' counts are frozen. The
    /// second value ends the sources, for when the huge folio is unlocked.
    pub(crate) fn store<'x>(
        mut self,
        huge: HugeFolio<'b>,
        sources: Sources<'x, 'b, Frozen>,
    ) -> (PublishedFolio<'b>, Replaced<'x, 'b>) {
        let order = pmd_pages().trailing_zeros();
        assert!(sources.index() == huge.index() && self.index == huge.index());
        assert!(sources.mapping().id() == huge.mapping().id());
        // SAFETY: The lock is held, the folio is complete.
        unsafe {
            bindings::huge_publish(huge.as_ptr());
            bindings::xas_set_order(&mut self.xas, self.index, order);
            bindings::xas_store(&mut self.xas, huge.as_ptr().cast());
            kernel::warn_on!(bindings::xas_error(&mut self.xas) != 0);
        }
        self.blocked = false;
        drop(self);
        // SAFETY: Locked, the stored folio stays in the mapping.
        unsafe { bindings::shrink_later(huge.mapping().inode(), huge.as_ptr()) };
        // SAFETY: Stored above. The store took the sources' entries away.
        (unsafe { huge.into_published() }, Replaced(Some(sources)))
    }
}

impl Drop for CacheSection<'_, '_> {
    fn drop(&mut self) {
        if self.blocked {
            self.unblock_holes();
        }
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::xas_unlock_irq(&mut self.xas) };
    }
}

/// Sources that the page cache no longer has.
///
/// # Invariants
///
/// A huge entry was stored over all of them.
pub(crate) struct Replaced<'x, 'b>(Option<Sources<'x, 'b, Frozen>>);

impl Replaced<'_, '_> {
    /// Unlocks and frees the old folios. Context: may reschedule.
    pub(crate) fn retire(self) {
        drop(self);
    }
}

impl Drop for Replaced<'_, '_> {
    fn drop(&mut self) {
        if let Some(sources) = self.0.take() {
            // SAFETY: By the type invariant.
            unsafe { sources.retire() };
        }
    }
}

fn new_xas(mapping: Mapping<'_>, index: usize, order: u32) -> bindings::xa_state {
    let mut xas = MaybeUninit::<bindings::xa_state>::uninit();
    // SAFETY: `xas` is valid for writing, the mapping lives.
    unsafe {
        bindings::xas_init(xas.as_mut_ptr(), mapping.as_ptr(), index, order);
        xas.assume_init()
    }
}
