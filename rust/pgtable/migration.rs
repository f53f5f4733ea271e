// SPDX-License-Identifier: GPL-2.0

//! Targets of migration entries, and which entries may stay.

use super::witness::Witness;
use crate::bindings;
use core::ptr::NonNull;

/// A folio that migration entries may name, by a pmd as a whole or by ptes page by page.
///
/// An entry that names it is only made where a VMA has that page of the file: the file is the
/// folio's mapping, and the page has the index of the address. The reverse map of that file
/// therefore leads to every entry.
///
/// # Safety
///
/// The folio is one of shmem, has PMD order, is locked, and has mapping, index and swapbacked set
/// while `self` is borrowed, and after a call of `note_named` until no VMA of the folio's mapping
/// has an entry that names it any more: a task that finds an entry waits for the folio's lock and
/// reads those fields under the lock of the pmd or of the table.
pub(crate) unsafe trait MigrationTarget {
    /// Returns the head page.
    fn head(&self) -> NonNull<bindings::page>;

    /// Notes that an entry is about to name the folio, which must stay, locked, until none does.
    fn note_named(&self);
}

/// Pages that migration entries replaced, and which may be mapped there again.
///
/// # Safety
///
/// While `self` is borrowed, each of the frames that is not [`FRAME_NONE`](bindings::FRAME_NONE) is
/// that of a page whose folio is locked and referenced, and which the page cache has where the huge
/// folio of these entries is meant to be, at the same index.
pub(crate) unsafe trait OldPages {
    /// Returns the page frames by their index.
    fn frames(&self) -> &[usize];
}

/// Returns the index, counted from the first page of `target`, of the page that the VMA has at
/// `addr` by its offset in the file.
///
/// It wraps around for a page before the first. Returns [`None`] if the VMA maps another file.
pub(super) fn index_in<W: Witness>(
    target: &impl MigrationTarget,
    witness: &W,
    addr: usize,
) -> Option<usize> {
    let (vma, head, mut index) = (witness.vma().as_ptr(), target.head().as_ptr(), 0);
    // SAFETY: The witness keeps the VMA, which keeps its file. The folio is locked, by its trait,
    // so that its mapping and index stay. The output is valid for writing.
    unsafe { bindings::vma_index_in(vma, addr, head, &mut index) }.then_some(index)
}

/// Which entries stay when those that name a folio are cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spared {
    /// None of them.
    Nothing,
    /// Those that are soft-dirty in a VMA where this is tracked: nothing else knows of it.
    SoftDirty,
    /// All of them.
    Everything,
}

impl Spared {
    /// Returns whether soft-dirty entries stay; [`None`] if all do.
    pub(super) fn soft_dirty(self) -> Option<bool> {
        match self {
            Spared::Nothing => Some(false),
            Spared::SoftDirty => Some(true),
            Spared::Everything => None,
        }
    }
}
