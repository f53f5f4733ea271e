// SPDX-License-Identifier: GPL-2.0

//! The outcomes of an extent.
//!
//! One table defines the number, the name and the error of every outcome. Numbers and names are ABI
//! (uapi header, statistics, tracepoint) and never change. A new outcome is added at the end, here
//! and in `include/uapi/linux/shmem_collapse.h`. The compiler compares the two.

use crate::bindings;
use kernel::prelude::*;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $outcome:ident = $number:literal, $name:literal, $errno:expr;)*) => {
        /// The outcome of one extent.
        #[repr(u32)]
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Outcome {
            $($(#[$doc])* $outcome = $number,)*
        }

        impl Outcome {
            /// All outcomes, in the order of their numbers.
            pub(crate) const ALL: [Self; [$($number),*].len()] = [$(Self::$outcome),*];

            /// Returns the name that is used in file names and traces.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$outcome => $name,)*
                }
            }

            /// Returns the error of a request for this outcome, or [`None`] if the extent is huge.
            pub(crate) const fn errno(self) -> Option<Error> {
                match self {
                    $(Self::$outcome => $errno,)*
                }
            }
        }

        $(kernel::macros::paste! {
            const _: () = assert!( // by the compiler
                $number == bindings::[<shmem_collapse_outcome_SHMEM_COLLAPSE_ $name:upper>],
                "the uapi header has another number for this outcome"
            );
        })*
        const _: () = assert!( // by the compiler
            Outcome::ALL.len()
                == bindings::shmem_collapse_outcome_SHMEM_COLLAPSE_NR_OUTCOMES as usize,
            "the uapi header has outcomes that are not in this table"
        );
    };
}

outcomes! {
    /// The extent is huge now and was not before.
    Collapsed = 0, "collapsed", None;
    /// The extent was one huge folio already.
    AlreadyHuge = 1, "already_huge", None;
    /// Address and file offset of the mapping differ modulo the extent size.
    Misaligned = 2, "misaligned", Some(EINVAL);
    /// The mapping or file is not shmem.
    NotShmem = 3, "not_shmem", Some(EOPNOTSUPP);
    /// Huge pages are switched off for the mapping, the process, the file or the machine.
    ThpDisabled = 4, "thp_disabled", Some(EOPNOTSUPP);
    /// A live update has frozen the file.
    Frozen = 5, "frozen", Some(EOPNOTSUPP);
    /// The file may not use memory of the zone that huge pages come from.
    Zone = 6, "zone", Some(EOPNOTSUPP);
    /// Nothing is mapped at these addresses.
    Unmapped = 7, "unmapped", Some(ENOMEM);
    /// No huge page could be allocated.
    NoHugePage = 8, "no_huge_page", Some(ENOMEM);
    /// Other memory could not be allocated.
    NoMemory = 9, "no_memory", Some(ENOMEM);
    /// The memory cgroup has no room for a huge page.
    MemcgLimit = 10, "memcg_limit", Some(ENOMEM);
    /// The lock of a page is held.
    Locked = 11, "locked", Some(EAGAIN);
    /// A page is pinned for DMA.
    Pinned = 12, "pinned", Some(EAGAIN);
    /// The lock of a VMA is held for writing.
    VmaBusy = 13, "vma_busy", Some(EAGAIN);
    /// A hole was filled in the meantime.
    Filled = 14, "filled", Some(EAGAIN);
    /// A page has an extra reference that is transient, such as that of an LRU batch.
    Lru = 15, "lru", Some(EAGAIN);
    /// The extent changed during the collapse.
    Raced = 16, "raced", Some(EAGAIN);
    /// More holes than `max_ptes_none` allows.
    TooManyHoles = 17, "too_many_holes", Some(EBUSY);
    /// More swapped pages than `max_ptes_swap` allows.
    TooManySwapped = 18, "too_many_swapped", Some(EBUSY);
    /// Filling a hole would take a *missing* event from a userfaultfd.
    UffdMissing = 19, "uffd_missing", Some(EBUSY);
    /// A userfaultfd watches a mapping in a way that forbids a huge page.
    UffdArmed = 20, "uffd_armed", Some(EBUSY);
    /// Filling the holes would exceed the size of the tmpfs.
    NoSpace = 21, "no_space", Some(ENOSPC);
    /// Filling the holes would exceed a quota.
    NoQuota = 22, "no_quota", Some(EDQUOT);
    /// A page has a hardware error or could not be swapped in.
    Poisoned = 23, "poisoned", Some(EHWPOISON);
    /// The file has no page at all in the extent.
    Empty = 24, "empty", Some(ENODATA);
}

impl Outcome {
    /// Returns whether the extent is huge.
    pub(crate) const fn is_huge(self) -> bool {
        matches!(self, Self::Collapsed | Self::AlreadyHuge)
    }

    /// Returns whether it can be known without examining the extent, from its surroundings.
    pub(super) const fn comes_in_stretches(self) -> bool {
        matches!(
            self,
            Self::Misaligned
                | Self::NotShmem
                | Self::ThpDisabled
                | Self::Frozen
                | Self::Unmapped
                | Self::UffdArmed
                | Self::Empty
        )
    }

    /// Returns whether another attempt may succeed.
    pub(crate) const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Locked | Self::Pinned | Self::VmaBusy | Self::Filled | Self::Lru | Self::Raced
        )
    }
}

#[kunit_tests(shmem_collapse_outcome)]
mod tests {
    use super::*;

    #[test]
    fn number_is_position() {
        for (position, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, position);
        }
    }

    #[test]
    fn names_differ() {
        for (position, outcome) in Outcome::ALL.iter().enumerate() {
            for other in &Outcome::ALL[position + 1..] {
                assert!(outcome.name() != other.name());
            }
        }
    }

    #[test]
    fn only_huge_extents_have_no_errno() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.is_huge(), outcome.errno().is_none());
        }
    }

    #[test]
    fn transient_means_try_again() {
        for outcome in Outcome::ALL {
            assert!(!outcome.is_transient() || outcome.errno() == Some(EAGAIN));
        }
        // A read or write with O_DIRECT lasts no longer than the device needs for it.
        assert!(Outcome::Pinned.is_transient());
    }
}
