// SPDX-License-Identifier: GPL-2.0

//! What migration entries name, and which of them may stay.

use crate::bindings;
use core::ptr::NonNull;

/// A folio that migration entries may name, by a pmd as a whole or by ptes page
/// by page.
///
/// # Safety
///
/// The folio has PMD order, is locked, and has mapping, index and swapbacked
/// set, from before `note_named` is called until no entry names it any more:
/// whoever finds an entry waits for its lock and looks at those fields under
/// the lock of the pmd or of the table.
pub(crate) unsafe trait MigrationTarget {
    /// The head page.
    fn head(&self) -> NonNull<bindings::page>;

    /// An entry is about to name the folio, which must stay, locked, until
    /// none does.
    fn note_named(&self);
}

/// Which entries stay when those that name a folio are cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spared {
    /// None of them.
    Nothing,
    /// Those that are soft-dirty in a VMA where this is tracked: nothing else
    /// knows of it.
    SoftDirty,
    /// All of them.
    Everything,
}

impl Spared {
    /// Whether soft-dirty entries stay; [`None`] if all do.
    pub(super) fn soft_dirty(self) -> Option<bool> {
        match self {
            Spared::Nothing => Some(false),
            Spared::SoftDirty => Some(true),
            Spared::Everything => None,
        }
    }
}
