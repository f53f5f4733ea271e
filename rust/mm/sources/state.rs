// SPDX-License-Identifier: GPL-2.0

//! What is held of small folios: references, locks, or frozen reference counts.

use crate::bindings;

/// What a set of sources holds on each folio; see [`Sources`].
///
/// [`Sources`]: super::Sources
pub(crate) trait Hold {
    /// Gives back what this state holds, on one folio with `pages` page-cache references.
    ///
    /// # Safety
    ///
    /// The folio is held as the state says; it is no longer used by the holder.
    unsafe fn release(folio: *mut bindings::folio, pages: usize);
}

/// A reference to each folio.
pub(crate) struct Referenced;

/// A reference to each folio, and its lock.
pub(crate) struct Locked;

/// The lock of each folio. Its reference count, which was ours and the page cache's and nobody
/// else's, is zero so that nobody can take a reference.
pub(crate) struct Frozen;

impl Hold for Referenced {
    unsafe fn release(folio: *mut bindings::folio, _pages: usize) {
        // SAFETY: By this function's contract.
        unsafe { bindings::folio_put(folio) };
    }
}

impl Hold for Locked {
    unsafe fn release(folio: *mut bindings::folio, _pages: usize) {
        // SAFETY: By this function's contract.
        unsafe {
            bindings::folio_unlock(folio);
            bindings::folio_put(folio);
        }
    }
}

impl Hold for Frozen {
    unsafe fn release(folio: *mut bindings::folio, pages: usize) {
        // SAFETY: By this function's contract: the count was `1 + pages`.
        unsafe {
            bindings::folio_ref_unfreeze(folio, 1 + pages as i32);
            bindings::folio_unlock(folio);
            bindings::folio_put(folio);
        }
    }
}
