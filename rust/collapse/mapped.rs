// SPDX-License-Identifier: GPL-2.0

//! The huge extents that a request has mapped huge in all their places.
//!
//! A process may map an extent in thousands of places, and a request for the process visits each of
//! them. Mapping the extent huge visits all of its places as well, so it is done only once:
//! otherwise the work would grow with the square of their number.

use crate::mm::extent::ExtentId;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// The number of extents that are remembered; further ones replace others.
const SLOTS: usize = 256;

/// The extents that a request has mapped huge.
///
/// It may forget some, which are then mapped once more. It may mistake an extent for one of a file
/// that is gone: the extent is huge, and a page fault or the next request maps it huge.
#[pin_data]
pub(super) struct Mapped {
    #[pin]
    slots: Mutex<KVec<ExtentId>>,
}

impl Mapped {
    /// Creates an empty set. Without memory for the slots nothing is ever remembered.
    pub(super) fn new() -> impl PinInit<Self> {
        let slots =
            KVec::from_elem(ExtentId::default(), SLOTS, GFP_KERNEL_ACCOUNT).unwrap_or_default();
        pin_init!(Self {
            slots <- new_mutex!(slots, "shmem_collapse mapped"),
        })
    }

    /// Notes an extent; returns false if it was noted before.
    pub(super) fn is_new(&self, extent: ExtentId) -> bool {
        let mut slots = self.slots.lock();
        let Some(known) = slots.get_mut(extent.hash() % SLOTS) else {
            return true;
        };
        core::mem::replace(known, extent) != extent
    }

    /// Forgets an extent that still has to be mapped huge.
    pub(super) fn forget(&self, extent: ExtentId) {
        if let Some(known) = self.slots.lock().get_mut(extent.hash() % SLOTS) {
            if *known == extent {
                *known = ExtentId::default();
            }
        }
    }
}

#[kunit_tests(shmem_collapse_mapped)]
mod tests {
    use super::*;

    fn mapped() -> Result<Pin<KBox<Mapped>>> {
        KBox::pin_init(Mapped::new(), GFP_KERNEL)
    }

    #[test]
    fn an_extent_is_new_once() -> Result {
        let mapped = mapped()?;
        for number in [0, 1, 2] {
            assert!(mapped.is_new(ExtentId::of_test(64, number)));
        }
        for number in [0, 1, 2] {
            assert!(!mapped.is_new(ExtentId::of_test(64, number)));
        }
        Ok(())
    }

    #[test]
    fn extents_of_other_files_are_others() -> Result {
        let mapped = mapped()?;
        assert!(mapped.is_new(ExtentId::of_test(64, 0)));
        assert!(mapped.is_new(ExtentId::of_test(64 * (1 + SLOTS), 0)));
        assert!(mapped.is_new(ExtentId::of_test(128, 0)));
        Ok(())
    }

    #[test]
    fn what_is_still_to_be_seen_to_is_new_again() -> Result {
        let mapped = mapped()?;
        let (mine, others) = (ExtentId::of_test(64, 0), ExtentId::of_test(64, 1));
        assert!(mapped.is_new(mine));
        assert!(mapped.is_new(others));
        mapped.forget(mine);
        assert!(mapped.is_new(mine));
        assert!(!mapped.is_new(others));
        Ok(())
    }

    #[test]
    fn what_was_forgotten_is_new_again() -> Result {
        let mapped = mapped()?;
        let same_slot = ExtentId::of_test(64, SLOTS);
        assert!(mapped.is_new(ExtentId::of_test(64, 0)));
        assert!(mapped.is_new(same_slot));
        assert!(mapped.is_new(ExtentId::of_test(64, 0)));
        Ok(())
    }
}
