// SPDX-License-Identifier: GPL-2.0

//! Which huge extents a request has mapped huge wherever they are mapped.
//!
//! A process may map an extent in thousands of places, and a request for the
//! process comes to each of them. Mapping it huge goes over all of these, so it
//! is done once: else their number would count twice.

use crate::mm::extent::ExtentId;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// Extents that are remembered; more take each other's place.
const SLOTS: usize = 256;

/// The extents that a request has seen to.
///
/// It may forget some, which then are seen to once more. It may take an extent
/// for one of a file that is gone meanwhile: that one is huge, and a page fault or
/// the next request maps it so.
#[pin_data]
pub(super) struct Mapped {
    #[pin]
    slots: Mutex<KVec<ExtentId>>,
}

impl Mapped {
    /// None yet. Without memory for the slots none is ever remembered.
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

    /// Forgets an extent, which has still to be seen to.
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
