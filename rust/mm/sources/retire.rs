// SPDX-License-Identifier: GPL-2.0

//! Ends the life of the small folios.
//!
//! With a folio's last reference, the kernel takes it off its LRU list, counts that in the node,
//! the zone, the memory cgroup and the generation, and frees the page to a list of its CPU, which
//! overflows. The small folios of an extent are nearly always adjacent on these lists and in
//! memory. So they are first taken off the lists, with one count for adjacent ones, and then freed
//! as blocks.

use super::{
    state::Frozen,
    Sources, //
};
use crate::{
    bindings,
    support::task::cond_resched, //
};
use core::mem::{
    size_of,
    ManuallyDrop, //
};
use kernel::prelude::kunit_tests;

/// The number of folios that the kernel puts into a `folio_batch`.
const BATCH: usize = 31;

/// The number of adjacent pages from which on freeing them as a block is faster.
const BLOCK: usize = 4;

impl Sources<'_, '_, Frozen> {
    /// Ends the life of the folios after the huge folio has taken their place.
    ///
    /// Takes them out of the statistics, unlocks and frees them. Context: may reschedule.
    ///
    /// # Safety
    ///
    /// The page cache no longer has any of them.
    pub(in crate::mm) unsafe fn retire(self) {
        let mut this = ManuallyDrop::new(self);
        for (first, places) in this.homes() {
            let pages = this.pages(places);
            // SAFETY: Frozen by us, so valid until it is let go below.
            unsafe { bindings::folio_stat_cached(first, -(pages as i32)) };
        }
        for batch in this.scratch.folios.chunks_mut(BATCH) {
            let (folios, nr) = (batch.as_mut_ptr(), batch.len() as u32);
            // SAFETY: By the type invariants the folios are locked and frozen. The references of
            // the page cache are gone with its entries, so one is left to drop, which is ours. In
            // the places of those that `folios_end_others()` has let go is NULL afterwards. Nobody
            // else can have the others before the last call lets them go.
            unsafe {
                bindings::folios_off_lru(folios, nr);
                // Large ones, and those that the kernel has to take off an LRU list.
                bindings::folios_end_others(folios, nr);
                bindings::folios_uncharge(folios, nr);
                // From now on, others may take a reference for a moment.
                bindings::folios_let_go(folios, nr);
            }
            cond_resched();
        }
        // SAFETY: One reference to each folio is ours. Large ones, and what was on an LRU list, are
        // gone; the others were uncharged and unlocked above, and no page cache has them.
        unsafe { put_pages(&mut this.scratch.folios) };
        this.scratch.tables.free();
    }
}

/// Drops one reference to each folio, to adjacent ones at once. Context: may reschedule.
///
/// # Safety
///
/// One reference to each folio that is not NULL belongs to the caller. Each consists of one page,
/// is unlocked and charged to no memory cgroup, and is in no page cache and on no LRU list: the
/// kernel undoes none of that where it frees a block.
unsafe fn put_pages(mut folios: &mut [*mut bindings::folio]) {
    // Folios before the block that is looked for.
    let mut single = 0;
    while let Some(rest) = folios.get_mut(single..).filter(|rest| !rest.is_empty()) {
        let adjacent = order_adjacent(rest);
        if adjacent < BLOCK {
            single += adjacent;
            continue;
        }
        // No more than there are: `rest` had so many at its beginning.
        let (done, rest) = core::mem::take(&mut folios).split_at_mut(single + adjacent);
        let (singles, block) = done.split_at_mut(single);
        // SAFETY: The requirements of this function. A folio of one page begins with that page, and
        // a block has no NULL in it.
        unsafe {
            bindings::folios_put(singles.as_mut_ptr(), singles.len() as u32);
            bindings::free_pages_bulk(block.as_mut_ptr().cast(), block.len());
        }
        folios = rest;
        single = 0;
    }
    // SAFETY: The requirements of this function.
    unsafe { bindings::folios_put(folios.as_mut_ptr(), folios.len() as u32) };
}

/// Returns how many of the first folios are adjacent in memory, and at least one.
///
/// They may be in descending order, as a list of a CPU hands out pages that were freed to it in
/// ascending order. They are in ascending order afterwards.
fn order_adjacent(folios: &mut [*mut bindings::folio]) -> usize {
    let [first, second, ..] = folios else {
        return 1;
    };
    let ascending = is_next(*first, *second);
    let follows = |pair: &&[*mut bindings::folio]| match **pair {
        [before, after] if ascending => is_next(before, after),
        [before, after] => is_next(after, before),
        _ => false,
    };
    let adjacent = 1 + folios.windows(2).take_while(follows).count();
    if !ascending {
        if let Some(adjacent) = folios.get_mut(..adjacent) {
            adjacent.reverse();
        }
    }
    adjacent
}

/// Returns whether `after` is the page behind `before`. NULL is next to nothing.
fn is_next(before: *mut bindings::folio, after: *mut bindings::folio) -> bool {
    !before.is_null() && before.wrapping_byte_add(size_of::<bindings::page>()) == after
}

#[kunit_tests(shmem_collapse_retire)]
mod tests {
    use super::*;
    use core::ptr::null_mut;

    /// A folio that nobody looks into, by its place in memory.
    fn folio(at: usize) -> *mut bindings::folio {
        null_mut::<bindings::folio>().wrapping_byte_add((at + 1) * size_of::<bindings::page>())
    }

    #[test]
    fn ascending() {
        let mut folios = [folio(7), folio(8), folio(9), folio(11)];
        assert_eq!(order_adjacent(&mut folios), 3);
        assert!(folios == [folio(7), folio(8), folio(9), folio(11)]);
    }

    #[test]
    fn descending_is_turned_round() {
        let mut folios = [folio(9), folio(8), folio(7), folio(8), folio(6)];
        assert_eq!(order_adjacent(&mut folios), 3);
        assert!(folios == [folio(7), folio(8), folio(9), folio(8), folio(6)]);
    }

    #[test]
    fn null_is_next_to_nothing() {
        assert_eq!(order_adjacent(&mut []), 1);
        assert_eq!(order_adjacent(&mut [null_mut()]), 1);
        assert_eq!(order_adjacent(&mut [null_mut(), folio(0)]), 1);
        assert_eq!(order_adjacent(&mut [folio(0), null_mut()]), 1);
        assert_eq!(order_adjacent(&mut [null_mut(), null_mut()]), 1);
        let mut folios = [folio(0), folio(1), null_mut(), folio(3)];
        assert_eq!(order_adjacent(&mut folios), 2);
    }

    #[test]
    fn neither_order() {
        let mut folios = [folio(4), folio(4), folio(5)];
        assert_eq!(order_adjacent(&mut folios), 1);
        assert!(folios == [folio(4), folio(4), folio(5)]);
    }
}
