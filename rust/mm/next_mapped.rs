// SPDX-License-Identifier: GPL-2.0

//! Finding the parts of a file that are mapped.

use super::backing::Mapping;
use crate::bindings;

/// Returns the index of the first page from `index` on that any VMA maps, whether the file has it
/// or not. Context: sleeps (`i_mmap_rwsem`).
pub(crate) fn next_mapped(mapping: Mapping<'_>, index: usize) -> Option<usize> {
    let raw = mapping.as_ptr();
    // SAFETY: The mapping lives as long as its borrow. The tree is locked while it is looked at,
    // and that keeps a VMA which is found in it.
    let first = unsafe {
        bindings::i_mmap_lock_read(raw);
        let vma = bindings::mapping_rmap_tree_iter_first(raw, index, usize::MAX);
        let first = (!vma.is_null()).then(|| bindings::vma_pgoff(vma));
        bindings::i_mmap_unlock_read(raw);
        first
    }?;
    // The VMA that begins first is found first.
    Some(first.max(index))
}
