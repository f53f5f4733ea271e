// SPDX-License-Identifier: GPL-2.0

//! Batches of folios on their way to LRU lists.

use crate::bindings;

/// Empties this CPU's batches of folios on their way to LRU lists (`lru_add_drain()`). Context: no
/// lock is held that nests inside the LRU lock.
pub(crate) fn lru_add_drain() {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::lru_add_drain() };
}

/// Empties these batches on every CPU (`lru_add_drain_all()`). Context: sleeps; no folio lock is
/// held.
pub(crate) fn lru_add_drain_all() {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::lru_add_drain_all() };
}
