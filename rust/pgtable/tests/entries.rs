// SPDX-License-Identifier: GPL-2.0

//! Values of entries: each kind is told from all others.

use crate::{
    bindings,
    pgtable::entry::{
        Pmd,
        Pte, //
    },
};
use core::mem::MaybeUninit;
use kernel::prelude::kunit_tests;

/// Returns one pte of each kind, in the order of `shmem_collapse_sample_pte()`.
fn sample_pte(which: u32) -> Pte {
    let mut entry = MaybeUninit::uninit();
    // SAFETY: Any number is fine; one entry is read from a value of our own.
    unsafe {
        let mut pte = bindings::sample_pte(which);
        bindings::pte_read_batch(&mut pte, entry.as_mut_ptr(), 1);
        Pte(entry.assume_init())
    }
}

/// Returns one pmd of each kind, if the architecture has it.
fn sample_pmd(which: u32) -> Option<Pmd> {
    let mut pmd = MaybeUninit::uninit();
    // SAFETY: The output is valid for writing, and read only if it was written.
    unsafe {
        bindings::sample_pmd(which, pmd.as_mut_ptr())
            .then(|| bindings::pmd_read(pmd.as_mut_ptr()).into())
    }
}

fn sample_frame() -> usize {
    // SAFETY: No precondition.
    unsafe { bindings::sample_frame() }
}

#[kunit_tests(shmem_collapse_pgtable_entries)]
mod tests {
    use super::super::entries::{
        sample_frame,
        sample_pmd,
        sample_pte, //
    };
    use crate::pgtable::{
        entry::{
            Pmd,
            PteKind, //
        },
        level::Level, //
    };

    #[test]
    fn empty_pte() {
        let pte = sample_pte(0);
        assert_eq!(pte.kind(), PteKind::None);
        assert!(pte.is_none());
        assert!(!pte.is_present());
    }

    #[test]
    fn page_without_bits() {
        let pte = sample_pte(1);
        assert_eq!(pte.kind(), PteKind::Page(sample_frame()));
        assert_eq!(pte.page(), Some(sample_frame()));
        assert!(!pte.is_dirty());
        assert!(!pte.is_young());
        assert!(!pte.is_writable());
    }

    #[test]
    fn page_with_bits() {
        let pte = sample_pte(2);
        assert_eq!(pte.page(), Some(sample_frame()));
        assert!(pte.is_dirty());
        assert!(pte.is_young());
        assert!(pte.is_writable());
    }

    #[test]
    fn special_pte() {
        let pte = sample_pte(3);
        assert_eq!(pte.kind(), PteKind::Special(sample_frame()));
        assert!(pte.is_present());
        assert!(pte.page().is_none());
    }

    #[test]
    fn entries_that_are_not_present() {
        assert_eq!(sample_pte(4).kind(), PteKind::Migration(sample_frame()));
        assert_eq!(sample_pte(5).kind(), PteKind::Swap);
        assert_eq!(sample_pte(6).kind(), PteKind::Marker);
        for which in 4..7 {
            let pte = sample_pte(which);
            assert!(!pte.is_present());
            assert!(!pte.is_none());
            assert!(pte.page().is_none());
        }
    }

    #[test]
    #[cfg(CONFIG_DEVICE_PRIVATE)]
    fn device_private_pte() {
        assert_eq!(sample_pte(7).kind(), PteKind::Other);
    }

    #[test]
    fn pmds_of_each_kind() {
        assert_eq!(sample_pmd(0), Some(Pmd::None));
        assert_eq!(sample_pmd(1), Some(Pmd::Huge(sample_frame())));
        for (which, expected) in [
            (2, Pmd::Migration(sample_frame())),
            (3, Pmd::Special(sample_frame())),
            (4, Pmd::Bad),
        ] {
            // Not every architecture has them.
            assert!(sample_pmd(which).is_none_or(|pmd| pmd == expected));
        }
    }

    #[test]
    fn levels_are_ordered() {
        assert!(Level::Pte < Level::Pmd);
        assert!(Level::Pmd < Level::Pud);
        assert!(Level::Pud < Level::P4d);
        assert!(Level::P4d < Level::Pgd);
        assert_eq!(Level::Pmd.name(), "pmd");
    }
}
