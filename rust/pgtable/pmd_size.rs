// SPDX-License-Identifier: GPL-2.0

//! Sizes of what one pmd entry maps.

use crate::bindings;

/// Returns the number of pages in one PMD-sized extent (`HPAGE_PMD_NR`), which is that of the
/// entries in a PTE table.
pub(crate) fn pmd_pages() -> usize {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::hpage_pmd_nr() }
}

/// Returns the size of one PMD-sized extent (`HPAGE_PMD_SIZE`).
pub(crate) fn pmd_size() -> usize {
    pmd_pages() * kernel::page::PAGE_SIZE
}

/// Returns whether this kernel can keep a migration entry in a pmd of a file mapping without a
/// deposited table (`thp_migration_supported()`, `!arch_needs_pgtable_deposit()`).
pub(crate) fn pmd_migration_supported() -> bool {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::pmd_entries_supported() }
}
