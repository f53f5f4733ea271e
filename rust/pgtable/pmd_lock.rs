// SPDX-License-Identifier: GPL-2.0

//! The pmd lock, for changes to a pmd entry.

use super::{
    detached::KeptTable,
    invalidation::{
        Entries,
        Invalidation,
        Table, //
    },
    migration::{
        MigrationTarget,
        OldPages,
        Spared, //
    },
    pmd_size::pmd_pages,
    pte_table::PtlGuard,
    witness::Witness, //
};
use crate::bindings;

/// The pmd lock of a slot, inside an MMU notifier section.
///
/// # Invariants
///
/// `lock` is the pmd lock of the slot's entry and held.
///
/// # Examples
///
/// ```ignore
/// fn is_table<W: Witness>(section: &mut Invalidation<'_, W>) -> bool {
///     section.lock_pmd().value() == Pmd::Table
/// }
/// ```
pub(crate) struct PmdGuard<'i, W: Witness, C = Entries> {
    _lock: PtlGuard,
    lock: *mut bindings::spinlock_t,
    section: &'i Invalidation<'i, W, C>,
}

impl<W: Witness, C> Invalidation<'_, W, C> {
    /// Takes the pmd lock (`pmd_lock()`), for changes to the pmd entry, or to wait for those of
    /// others.
    #[doc(alias = "pmd_lock")]
    pub(crate) fn lock_pmd(&mut self) -> PmdGuard<'_, W, C> {
        PmdGuard::new(self)
    }
}

impl<'i, W: Witness, C> PmdGuard<'i, W, C> {
    fn new(section: &'i Invalidation<'i, W, C>) -> Self {
        let slot = section.slot();
        // SAFETY: The witness keeps the page of the entry and so its lock.
        let lock = unsafe { bindings::pmd_lock(slot.witness().mm().as_ptr(), slot.as_ptr()) };
        // INVARIANT: Taken on the line above.
        Self {
            // SAFETY: Taken above; the guard borrows the witness, which keeps the page.
            _lock: unsafe { PtlGuard::from_held(lock) },
            lock,
            section,
        }
    }

    /// Returns whether `lock` is the lock that this guard holds.
    pub(super) fn holds(&self, lock: *mut bindings::spinlock_t) -> bool {
        core::ptr::eq(lock, self.lock)
    }

    /// Returns the section in which the lock was taken.
    pub(super) fn section(&self) -> &'i Invalidation<'i, W, C> {
        self.section
    }

    pub(super) fn mm(&self) -> *mut bindings::mm_struct {
        self.section.slot().witness().mm().as_ptr()
    }

    pub(super) fn vma(&self) -> *mut bindings::vm_area_struct {
        self.section.slot().witness().vma().as_ptr()
    }

    pub(super) fn base(&self) -> usize {
        self.section.slot().base()
    }

    pub(super) fn pmd(&self) -> *mut bindings::pmd_t {
        self.section.slot().as_ptr()
    }

    /// Reads the entry, which does not change while the lock is held.
    #[cfg(all_accessors)]
    pub(crate) fn value(&self) -> super::entry::Pmd {
        // SAFETY: The slot's entry is there.
        unsafe { bindings::pmd_read(self.pmd()) }.into()
    }

    pub(super) fn add_rss(&self, pages: isize) {
        // SAFETY: The witness keeps the mm.
        unsafe { bindings::add_shmem_rss(self.mm(), pages) };
    }
}

impl<W: Witness> PmdGuard<'_, W, Table> {
    /// Turns a migration entry that names `target` into an empty entry, unless it is spared, and
    /// takes its pages off the RSS; returns whether it did.
    pub(crate) fn clear_migration(
        &mut self,
        target: &impl MigrationTarget,
        spared: Spared,
    ) -> bool {
        let Some(spare) = spared.soft_dirty() else {
            return false;
        };
        let (head, pmd) = (target.head().as_ptr(), self.pmd());
        // SAFETY: The slot's entry is there and its lock is held. The VMA has the entry's range for
        // itself.
        let cleared =
            unsafe { bindings::pmd_clear_migration(self.vma(), self.base(), pmd, head, spare) };
        if cleared {
            self.add_rss(-(pmd_pages() as isize));
        }
        cleared
    }

    /// Puts `table` back in the place of a migration entry that names `target`. The table then maps
    /// those old pages again that it mapped. Returns whether it did.
    ///
    /// The entry proves that no zap has passed it. Changes by `mprotect()` and others are in the
    /// VMA and in the entry, from which the new entries are made. A table of another place is not
    /// changed; see [`KeptTable`].
    #[doc(alias = "pmd_populate")]
    pub(crate) fn put_back(
        &mut self,
        target: &impl MigrationTarget,
        table: KeptTable,
        pages: &impl OldPages,
    ) -> bool {
        let frames = pages.frames();
        let slot = self.section.slot();
        if !table.is_of(slot.witness(), slot.base()) || frames.len() < pmd_pages() {
            return false;
        }
        let (head, mut nr) = (target.head().as_ptr(), 0);
        // SAFETY: The slot's entry is there and its lock is held. The table was the one of this
        // place, and nothing points to it. The frames are as many as it has entries; they are those
        // of pages that may be mapped here, by their trait.
        let done = unsafe {
            bindings::pmd_back(
                self.vma(),
                self.base(),
                self.pmd(),
                table.entry(),
                head,
                frames.as_ptr(),
                table.found().bits(),
                &mut nr,
            )
        };
        if done {
            self.add_rss(nr as isize - pmd_pages() as isize);
            table.forget();
        }
        done
    }
}
