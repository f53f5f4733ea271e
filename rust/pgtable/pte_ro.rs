// SPDX-License-Identifier: GPL-2.0

//! Tables that can be locked for reading only.

use super::{
    pte_table::{
        PteTable,
        PtlGuard, //
    },
    walk::PmdSlot,
    witness::Witness, //
};
use crate::bindings;
use core::ptr::NonNull;

/// A mapped table with its lock known but not taken, for readers.
///
/// With the lock taken entries do not change, but the table may be one that was removed meanwhile.
/// Entries cannot be modified through this type, even with the lock held.
///
/// C source: `pte_offset_map_ro_nolock()` in
/// [`mm/pgtable-generic.c`](srctree/mm/pgtable-generic.c).
///
/// # Invariants
///
/// `lock` is the PTE lock of the mapped table.
///
/// # Examples
///
/// ```ignore
/// fn stable_pair<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<(Pte, Pte)> {
///     let table = slot.map_ro_nolock()?.lock();
///     let second = PteIndex::new(1)?;
///     Some((table.entries().read(PteIndex::FIRST), table.entries().read(second)))
/// }
/// ```
#[must_use = "a mapping that is not used is unmapped at once"]
pub(crate) struct PteTableReadOnly<'s> {
    map: PteTable<'s>,
    lock: NonNull<bindings::spinlock_t>,
}

impl<W: Witness> PmdSlot<'_, W> {
    /// Maps the table and remembers its lock, which is not taken, for readers
    /// (`pte_offset_map_ro_nolock()`).
    #[doc(alias = "pte_offset_map_ro_nolock")]
    pub(crate) fn map_ro_nolock(&mut self) -> Option<PteTableReadOnly<'_>> {
        PteTableReadOnly::new(self)
    }
}

impl<'s> PteTableReadOnly<'s> {
    fn new<W: Witness>(slot: &'s PmdSlot<'_, W>) -> Option<Self> {
        let mut lock = core::ptr::null_mut();
        // SAFETY: The slot's witness allows the call; `lock` is valid for writing. What it returns
        // is mapped and handed over.
        let map = unsafe {
            PteTable::from_start(bindings::pte_offset_map_ro_nolock(
                slot.witness().mm().as_ptr(),
                slot.as_ptr(),
                slot.base(),
                &mut lock,
            ))
        }?;
        // INVARIANT: Both come from the call above.
        Some(Self {
            map,
            lock: NonNull::new(lock)?,
        })
    }

    /// Returns the entries, unlocked.
    #[cfg(all_accessors)]
    pub(crate) fn entries(&self) -> &PteTable<'s> {
        &self.map
    }

    /// Takes the lock, so that entries do not change.
    pub(crate) fn lock(self) -> PteTableReadOnlyGuard<'s> {
        // SAFETY: The mapping's RCU section keeps the table and its lock.
        unsafe { bindings::spin_lock(self.lock.as_ptr()) };
        // INVARIANT: Taken on the line above.
        PteTableReadOnlyGuard {
            // SAFETY: Taken above, and the mapping keeps the table that contains it.
            _lock: unsafe { PtlGuard::from_held(self.lock.as_ptr()) },
            map: self.map,
        }
    }
}

/// A mapped and locked table that may be a removed one: for reading only.
///
/// # Invariants
///
/// The lock is that of the mapped table.
///
/// # Examples
///
/// ```ignore
/// fn all_empty<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<bool> {
///     let table = slot.map_ro_nolock()?.lock();
///     Some(table.entries().all(0..pmd_pages(), |_, pte| pte.is_none()))
/// }
/// ```
#[must_use = "the lock is dropped at once"]
pub(crate) struct PteTableReadOnlyGuard<'s> {
    // Dropped in this order: unlock, then unmap.
    _lock: PtlGuard,
    map: PteTable<'s>,
}

impl<'s> PteTableReadOnlyGuard<'s> {
    /// Returns the entries.
    pub(crate) fn entries(&self) -> &PteTable<'s> {
        &self.map
    }
}
