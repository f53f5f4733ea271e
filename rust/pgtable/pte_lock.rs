// SPDX-License-Identifier: GPL-2.0

//! Tables mapped together with their lock: known, rechecked, held.

use super::{
    pte_table::{
        PteTable,
        PtlGuard, //
    },
    walk::PmdSlot,
    witness::Witness, //
};
use crate::bindings;
#[cfg(all_accessors)]
use core::{
    mem::MaybeUninit,
    ptr::NonNull, //
};

/// A mapped table with its lock known but not taken, for writers.
///
/// Its entries can be read as through [`PteTable`], but not written. After the lock is taken, the
/// pmd entry must be found unchanged first, or the table may be one that was removed meanwhile.
/// [`lock`](Self::lock) does both.
///
/// C source: `pte_offset_map_rw_nolock()` in
/// [`mm/pgtable-generic.c`](srctree/mm/pgtable-generic.c).
///
/// # Invariants
///
/// `lock` is the PTE lock of the table that `seen` points to, which is mapped.
///
/// # Examples
///
/// ```ignore
/// fn lock_if_used<'s, W: Witness>(
///     slot: &'s mut PmdSlot<'_, W>,
/// ) -> Option<PteTableGuard<'s, W>> {
///     let table = slot.map_rw_nolock()?;
///     if table.entries().read(PteIndex::FIRST).is_none() {
///         return None;
///     }
///     // `None`: the table went away while the lock was waited for.
///     table.lock()
/// }
/// ```
#[cfg(all_accessors)]
#[must_use = "a mapping that is not used is unmapped at once"]
pub(crate) struct PteTableNolock<'s, W: Witness> {
    map: PteTable<'s>,
    slot: PmdSlot<'s, W>,
    lock: NonNull<bindings::spinlock_t>,
    seen: bindings::pmd_t,
}

#[cfg(all_accessors)]
impl<W: Witness> PmdSlot<'_, W> {
    /// Maps the table and remembers the pmd entry and the lock, which is not taken, for writers
    /// (`pte_offset_map_rw_nolock()`).
    #[doc(alias = "pte_offset_map_rw_nolock")]
    pub(crate) fn map_rw_nolock(&mut self) -> Option<PteTableNolock<'_, W>> {
        PteTableNolock::new(self.place())
    }

    /// Maps and locks the table (`pte_offset_map_lock()`).
    #[doc(alias = "pte_offset_map_lock")]
    pub(crate) fn map_lock(&mut self) -> Option<PteTableGuard<'_, W>> {
        PteTableGuard::new(self.place())
    }
}

#[cfg(all_accessors)]
impl<'s, W: Witness> PteTableNolock<'s, W> {
    /// Returns the entries, unlocked.
    pub(crate) fn entries(&self) -> &PteTable<'s> {
        &self.map
    }
}

#[cfg(all_accessors)]
impl<'s, W: Witness> PteTableNolock<'s, W> {
    pub(super) fn new(slot: PmdSlot<'s, W>) -> Option<Self> {
        let mut lock = core::ptr::null_mut();
        let mut seen = MaybeUninit::<bindings::pmd_t>::uninit();
        // SAFETY: The slot's witness allows the call; both outputs are valid for writing.
        let map = unsafe {
            PteTable::from_start(bindings::pte_offset_map_rw_nolock(
                slot.witness().mm().as_ptr(),
                slot.as_ptr(),
                slot.base(),
                seen.as_mut_ptr(),
                &mut lock,
            ))
        }?;
        // INVARIANT: All three come from the call above.
        Some(Self {
            map,
            slot,
            lock: NonNull::new(lock)?,
            // SAFETY: Written by the call, which returned a table.
            seen: unsafe { seen.assume_init() },
        })
    }

    /// Takes the lock and reads the pmd entry again.
    ///
    /// Returns [`None`] if the entry changed since the table was mapped: everything read from it is
    /// stale.
    #[doc(alias = "pmd_same")]
    pub(crate) fn lock(self) -> Option<PteTableGuard<'s, W>> {
        // SAFETY: The mapping's RCU section keeps the table and its lock.
        unsafe { bindings::spin_lock(self.lock.as_ptr()) };
        // SAFETY: Taken on the line above.
        let lock = unsafe { PtlGuard::from_held(self.lock.as_ptr()) };
        // SAFETY: The slot's entry is there, by its invariant.
        if !unsafe { bindings::pmd_unchanged(self.slot.as_ptr(), self.seen) } {
            return None;
        }
        // INVARIANT: The pmd entry is the same under the table's lock.
        Some(PteTableGuard {
            _lock: lock,
            map: self.map,
            slot: self.slot,
        })
    }
}

/// A mapped table that is locked: entries change only through the holder, or by hardware (accessed
/// and dirty bits).
///
/// # Invariants
///
/// The lock is that of the table at `slot` and held, and the table is still the slot's.
#[must_use = "the lock is dropped at once"]
#[doc(alias = "pte_unmap_unlock")]
pub(crate) struct PteTableGuard<'s, W: Witness> {
    // Dropped in this order: unlock, then unmap.
    _lock: PtlGuard,
    map: PteTable<'s>,
    slot: PmdSlot<'s, W>,
}

impl<'s, W: Witness> PteTableGuard<'s, W> {
    pub(super) fn new(slot: PmdSlot<'s, W>) -> Option<Self> {
        let mut lock = core::ptr::null_mut();
        // SAFETY: The slot's witness allows the call; `lock` is valid for writing.
        let start = unsafe {
            bindings::pte_offset_map_lock(
                slot.witness().mm().as_ptr(),
                slot.as_ptr(),
                slot.base(),
                &mut lock,
            )
        };
        // SAFETY: Just mapped, if not null.
        let map = unsafe { PteTable::from_start(start) }?;
        // INVARIANT: `pte_offset_map_lock()` rechecked the pmd entry.
        Some(Self {
            // SAFETY: With a table comes its lock, held.
            _lock: unsafe { PtlGuard::from_held(lock) },
            map,
            slot,
        })
    }

    /// Returns the entries.
    pub(crate) fn entries(&self) -> &PteTable<'s> {
        &self.map
    }

    pub(super) fn slot(&self) -> &PmdSlot<'s, W> {
        &self.slot
    }
}
