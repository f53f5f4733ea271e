// SPDX-License-Identifier: GPL-2.0

//! Mapped PTE tables: the three ways to look into one.

use super::{
    pmd_pages,
    PmdSlot,
    Pte,
    Witness, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ops::Range,
    ptr::NonNull, //
};
use kernel::types::NotThreadSafe;

/// Entries decoded per call into C: a compromise between calls and stack.
const BATCH: usize = 32;

/// A mapped PTE table whose entries may change at any time.
///
/// What is read is, or recently was, in the table of that pmd. Holds
/// `rcu_read_lock()`: nothing may sleep while it lives, and mappings end in
/// the reverse order of their making (`kmap_local`), which scopes enforce.
///
/// # Invariants
///
/// `start` is the first entry of a table mapped by `pte_offset_map*()` and not
/// yet unmapped.
#[must_use = "a mapping that is not used is unmapped at once"]
pub(crate) struct PteMap<'s> {
    start: NonNull<bindings::pte_t>,
    _slot: PhantomData<&'s ()>,
    _nts: NotThreadSafe,
}

impl<'s> PteMap<'s> {
    pub(super) fn new<W: Witness>(slot: &'s PmdSlot<'_, W>) -> Option<Self> {
        // SAFETY: The slot's witness allows `pte_offset_map()`.
        let start = unsafe { bindings::pte_offset_map(slot.as_ptr(), slot.base()) };
        // SAFETY: `base` is the first address of the table, so this is its
        // first entry, mapped just now.
        unsafe { Self::from_start(start) }
    }

    /// # Safety
    ///
    /// `start` is null, or the first entry of a table that a `pte_offset_map*()`
    /// has just mapped; the mapping is handed over.
    unsafe fn from_start(start: *mut bindings::pte_t) -> Option<Self> {
        // INVARIANT: By this function's contract.
        Some(Self {
            start: NonNull::new(start)?,
            _slot: PhantomData,
            _nts: NotThreadSafe,
        })
    }

    #[inline]
    pub(super) fn entry(&self, index: usize) -> *mut bindings::pte_t {
        assert!(index < pmd_pages());
        // SAFETY: A table has one entry for each page of the pmd range.
        unsafe { bindings::pte_advance(self.start.as_ptr(), index) }
    }

    pub(super) fn start(&self) -> *mut bindings::pte_t {
        self.start.as_ptr()
    }

    /// One entry.
    pub(crate) fn read(&self, index: usize) -> Pte {
        let mut entry = MaybeUninit::<bindings::shmem_collapse_entry>::uninit();
        // SAFETY: `entry` has room for one; the index is checked by `entry()`.
        unsafe {
            bindings::pte_read_batch(self.entry(index), entry.as_mut_ptr(), 1);
            Pte(entry.assume_init())
        }
    }

    /// Calls `f` with index and value of the entries in `range` until it
    /// returns false; returns whether it never did.
    #[inline]
    pub(crate) fn all(
        &self,
        range: Range<usize>,
        mut f: impl FnMut(usize, Pte) -> bool,
    ) -> bool {
        let mut batch = [const { MaybeUninit::<bindings::shmem_collapse_entry>::uninit() }; BATCH];
        let end = range.end.min(pmd_pages());
        let mut at = range.start;

        while at < end {
            let n = BATCH.min(end - at);
            // SAFETY: `at + n` does not exceed the table, by the two minima,
            // and `batch` has room for `n` entries.
            unsafe {
                bindings::pte_read_batch(self.entry(at), batch.as_mut_ptr().cast(), n as u32)
            };
            for (i, entry) in batch[..n].iter().enumerate() {
                // SAFETY: The call above wrote the first `n` entries.
                if !f(at + i, Pte(unsafe { entry.assume_init() })) {
                    return false;
                }
            }
            at += n;
        }
        true
    }
}

impl Drop for PteMap<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the table is mapped; this is the one
        // unmap.
        unsafe { bindings::pte_unmap(self.start.as_ptr()) };
    }
}

/// A held PTE lock.
///
/// # Invariants
///
/// The lock, if there is one, is held by this task and released on drop.
pub(super) struct PteLock(Option<NonNull<bindings::spinlock_t>>);

impl PteLock {
    /// # Safety
    ///
    /// `lock` is null (nothing to release) or held by the caller, who hands it
    /// over and keeps the page that contains it alive.
    pub(super) unsafe fn from_held(lock: *mut bindings::spinlock_t) -> Self {
        // INVARIANT: By this function's contract.
        Self(NonNull::new(lock))
    }
}

impl Drop for PteLock {
    fn drop(&mut self) {
        if let Some(lock) = self.0 {
            // SAFETY: By the type invariant it is held.
            unsafe { bindings::spin_unlock(lock.as_ptr()) };
        }
    }
}

/// A mapped table with its lock known but not taken.
///
/// Its entries can be read as through [`PteMap`]. Nothing can be written: after
/// the lock is taken, the pmd entry must be found unchanged first, or the table
/// may be one that was removed meanwhile.
pub(crate) struct UncheckedPteMap<'s, W: Witness> {
    map: PteMap<'s>,
    slot: &'s PmdSlot<'s, W>,
    lock: NonNull<bindings::spinlock_t>,
    seen: bindings::pmd_t,
}

impl<'s, W: Witness> UncheckedPteMap<'s, W> {
    pub(super) fn new(slot: &'s PmdSlot<'s, W>) -> Option<Self> {
        let mut lock = core::ptr::null_mut();
        let mut seen = MaybeUninit::<bindings::pmd_t>::uninit();
        // SAFETY: The slot's witness allows the call; both outputs are valid
        // for writing.
        let map = unsafe {
            PteMap::from_start(bindings::pte_offset_map_rw_nolock(
                slot.witness().mm().as_ptr(),
                slot.as_ptr(),
                slot.base(),
                seen.as_mut_ptr(),
                &mut lock,
            ))
        }?;
        Some(Self {
            map,
            slot,
            lock: NonNull::new(lock)?,
            // SAFETY: Written by the call, which returned a table.
            seen: unsafe { seen.assume_init() },
        })
    }

    /// The entries, unlocked.
    pub(crate) fn entries(&self) -> &PteMap<'s> {
        &self.map
    }

    /// Takes the lock and repeats the look at the pmd entry.
    ///
    /// [`None`]: the entry changed since the table was mapped; everything read
    /// from it is stale.
    pub(crate) fn lock(self) -> Option<LockedPteMap<'s, W>> {
        // SAFETY: The mapping's RCU section keeps the table and its lock.
        unsafe { bindings::spin_lock(self.lock.as_ptr()) };
        // SAFETY: Taken on the line above.
        let lock = unsafe { PteLock::from_held(self.lock.as_ptr()) };
        // SAFETY: The slot's entry is there, by its invariant.
        if !unsafe { bindings::pmd_unchanged(self.slot.as_ptr(), self.seen) } {
            return None;
        }
        // INVARIANT: The pmd entry is the same under the table's lock.
        Some(LockedPteMap {
            _lock: lock,
            map: self.map,
            slot: self.slot,
        })
    }
}

/// A mapped table that is locked: entries change only through the holder, or
/// by hardware (accessed and dirty bits).
///
/// # Invariants
///
/// The lock is that of the table at `slot`, which still is the slot's table.
pub(crate) struct LockedPteMap<'s, W: Witness> {
    // Dropped in this order: unlock, then unmap.
    _lock: PteLock,
    map: PteMap<'s>,
    slot: &'s PmdSlot<'s, W>,
}

impl<'s, W: Witness> LockedPteMap<'s, W> {
    pub(super) fn new(slot: &'s PmdSlot<'s, W>) -> Option<Self> {
        let mut lock = core::ptr::null_mut();
        // SAFETY: The slot's witness allows the call; `lock` is valid for
        // writing.
        let start = unsafe {
            bindings::pte_offset_map_lock(
                slot.witness().mm().as_ptr(),
                slot.as_ptr(),
                slot.base(),
                &mut lock,
            )
        };
        // SAFETY: Just mapped, if not null.
        let map = unsafe { PteMap::from_start(start) }?;
        // INVARIANT: `pte_offset_map_lock()` rechecked the pmd entry.
        Some(Self {
            // SAFETY: With a table comes its lock, held.
            _lock: unsafe { PteLock::from_held(lock) },
            map,
            slot,
        })
    }

    /// The entries.
    pub(crate) fn entries(&self) -> &PteMap<'s> {
        &self.map
    }

    pub(super) fn slot(&self) -> &'s PmdSlot<'s, W> {
        self.slot
    }
}
