// SPDX-License-Identifier: GPL-2.0

//! Waiting for the lock of a folio no longer than one wants to.

use crate::bindings;
use kernel::{
    prelude::kunit_tests,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

/// Microseconds between two tries, at first and at most.
const NAPS_US: (i64, i64) = (20, 1000);

/// Locks a folio, or gives up when `over` says so.
///
/// Who holds the lock may wait for a device that does not answer any more, and
/// who waits here may be a worker, which no signal reaches: therefore this asks
/// instead of sleeping on the lock.
///
/// # Safety
///
/// The folio is referenced, and the context may sleep: no folio is locked.
pub(super) unsafe fn lock_folio(folio: *mut bindings::folio, over: &dyn Fn() -> bool) -> bool {
    let (mut nap, longest) = NAPS_US;
    loop {
        let mut one = folio;
        // SAFETY: Referenced, by this function's contract.
        if unsafe { bindings::folios_trylock(&mut one, 1) } == 1 {
            return true;
        }
        if over() {
            return false;
        }
        fsleep(Delta::from_micros(nap));
        nap = longest.min(2 * nap);
    }
}

#[kunit_tests(shmem_collapse_folio_wait)]
mod tests {
    use super::super::{
        folio_wait::lock_folio,
        process::Process, //
    };
    use crate::{
        bindings,
        pgtable::{
            pmd_size::pmd_size,
            tests::scratch::Scratch as Memory, //
        },
    };
    use core::cell::Cell;
    use kernel::prelude::*;

    #[test]
    fn h14_a_locked_folio_is_waited_for_as_long_as_one_wants() -> Result {
        let memory = Memory::shared(pmd_size())?;
        memory.write(0)?;
        let addr = memory.page(0);
        let place = Process::of_test()?.look(addr, |vma| (vma.backing(), vma.index_at(addr)));
        let (Some(backing), index) = place.ok_or(EAGAIN)? else {
            return Err(EINVAL);
        };
        let asked = Cell::new(0);
        let third_time = || {
            asked.set(asked.get() + 1);
            asked.get() == 3
        };
        // SAFETY: The file keeps the mapping, and its page was written; the reference
        // is put last, when the lock is not held.
        unsafe {
            let folio = bindings::huge_find(backing.mapping().as_ptr(), index);
            assert!(!folio.is_null());
            assert!(lock_folio(folio, &|| true));
            assert!(!lock_folio(folio, &third_time));
            bindings::folio_unlock(folio);
            assert_eq!(asked.get(), 3);
            assert!(lock_folio(folio, &third_time));
            assert_eq!(asked.get(), 3);
            bindings::folio_unlock(folio);
            bindings::folio_put(folio);
        }
        Ok(())
    }
}
