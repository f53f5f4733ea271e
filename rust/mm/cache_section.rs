// SPDX-License-Identifier: GPL-2.0

//! The lock of the page cache, and the store of the huge entry.

use super::{
    extent::Extent,
    huge_folio::{
        HugeFolio,
        PublishedFolio, //
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

/// The lock of a page cache (`i_pages`, interrupts off), inside that of the reverse map where there
/// are holes.
///
/// It is held without a break from when holes are blocked to the store: the rest of shmem does not
/// expect to find retry entries under the lock. If it is dropped without a store, the holes are
/// holes again.
///
/// # Invariants
///
/// `xas` works on the array of the extent's file, whose lock is held. `blocked` says whether there
/// may be retry entries in the holes of the extent.
pub(super) struct CacheSection<'b> {
    xas: bindings::xa_state,
    extent: Extent<'b>,
    blocked: bool,
    _nts: NotThreadSafe,
}

impl Extent<'_> {
    /// Makes the nodes of the page cache that a huge entry for the extent needs
    /// (`xas_create_range()`). Context: sleeps.
    pub(crate) fn reserve_nodes(&self) -> Result {
        Point::Nodes.check(ENOMEM)?;
        let mut xas = new_xas(*self, pmd_pages().trailing_zeros());
        loop {
            // SAFETY: `xas` is initialised; its array lives.
            unsafe {
                bindings::xas_lock_irq(&mut xas);
                bindings::xas_create_range(&mut xas);
                bindings::xas_unlock_irq(&mut xas);
            }
            // Without an error this frees a node that another task made unnecessary.
            // SAFETY: `xas` is initialised, and its lock is not held.
            if !unsafe { bindings::xas_nomem(&mut xas, bindings::GFP_KERNEL) } {
                // SAFETY: `xas` is initialised.
                return to_result(unsafe { bindings::xas_error(&mut xas) });
            }
        }
    }
}

impl<'b> CacheSection<'b> {
    /// Takes the lock for an extent.
    pub(super) fn enter(extent: Extent<'b>) -> Self {
        // Page by page first: the order would be that of every store.
        let mut xas = new_xas(extent, 0);
        // SAFETY: `xas` is initialised; its array lives.
        unsafe { bindings::xas_lock_irq(&mut xas) };
        // INVARIANT: Locked on the line above; nothing is blocked yet.
        Self {
            xas,
            extent,
            blocked: false,
            _nts: NotThreadSafe,
        }
    }

    /// Puts retry entries into the holes, so that lockless lookups wait for the outcome, and
    /// returns how many there are. Fails only without memory for nodes that were reserved.
    pub(super) fn block_holes(&mut self) -> Result<usize> {
        let mut holes = 0;
        // INVARIANT: From here on there may be.
        self.blocked = true;
        // SAFETY: `xas` is initialised and its lock held.
        unsafe {
            bindings::xas_set(&mut self.xas, self.extent.first());
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
        // SAFETY: `xas` is initialised and its lock held; storing nothing over an entry needs no
        // memory.
        unsafe {
            let retry = bindings::xa_retry_entry();
            bindings::xas_set(&mut self.xas, self.extent.first());
            for _ in 0..pmd_pages() {
                if bindings::xas_next(&mut self.xas) == retry {
                    bindings::xas_store(&mut self.xas, core::ptr::null_mut());
                }
            }
        }
        // INVARIANT: None is left.
        self.blocked = false;
    }

    /// Stores the one huge entry in place of all small ones and drops the lock.
    ///
    /// Cannot fail: where every place has an entry, its nodes are there.
    ///
    /// # Safety
    ///
    /// * `huge` is meant for the extent of the section, and its contents are complete.
    /// * In this hold of the lock every place of the extent was seen to have an entry: one of a
    ///   folio whose references are frozen, and which its holder frees after the store, or one that
    ///   [`block_holes`](Self::block_holes) has put there.
    /// * As many pages as were blocked are charged to the file, and are not given back.
    pub(super) unsafe fn store(mut self, huge: HugeFolio<'b>) -> PublishedFolio<'b> {
        let order = pmd_pages().trailing_zeros();
        // SAFETY: `xas` is initialised and its lock held; the folio is complete.
        unsafe {
            bindings::huge_publish(huge.as_ptr());
            bindings::xas_set_order(&mut self.xas, self.extent.first(), order);
            bindings::xas_store(&mut self.xas, huge.as_ptr().cast());
            kernel::warn_on!(bindings::xas_error(&mut self.xas) != 0);
        }
        // INVARIANT: The entry took the place of all.
        self.blocked = false;
        let inode = self.extent.mapping().inode();
        drop(self);
        // SAFETY: Locked, the stored folio stays in the mapping, which keeps its inode.
        unsafe { bindings::shrink_later(inode, huge.as_ptr()) };
        // SAFETY: Stored above.
        unsafe { huge.into_published() }
    }
}

impl Drop for CacheSection<'_> {
    fn drop(&mut self) {
        if self.blocked {
            self.unblock_holes();
        }
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::xas_unlock_irq(&mut self.xas) };
    }
}

fn new_xas(extent: Extent<'_>, order: u32) -> bindings::xa_state {
    let (mapping, first) = (extent.mapping().as_ptr(), extent.first());
    let mut xas = MaybeUninit::<bindings::xa_state>::uninit();
    // SAFETY: `xas` is valid for writing, the mapping lives.
    unsafe {
        bindings::xas_init(xas.as_mut_ptr(), mapping, first, order);
        xas.assume_init()
    }
}
