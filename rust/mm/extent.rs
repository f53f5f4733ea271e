// SPDX-License-Identifier: GPL-2.0

//! Extents: the pieces of a file that a huge page can take the place of.

use super::backing::Mapping;
use crate::{
    bindings,
    pgtable::pmd_size::pmd_pages, //
};

/// A PMD-sized, PMD-aligned piece of a shmem file.
///
/// This is the only name of an extent. Where two of them come together, they are compared.
///
/// # Invariants
///
/// `first` is a multiple of [`pmd_pages()`]. So the last page has an index, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent<'b> {
    mapping: Mapping<'b>,
    first: usize,
}

/// What others do to a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// They have it locked, or write it back.
    Locked,
    /// They have a reference on it that is not one of a mapping.
    Referenced,
}

impl<'b> Extent<'b> {
    /// Returns the extent that begins at the page `index`; [`None`] if none does.
    pub(crate) fn new(mapping: Mapping<'b>, index: usize) -> Option<Self> {
        let extent = Self::around(mapping, index);
        (extent.first == index).then_some(extent)
    }

    /// Returns the extent that the page `index` belongs to.
    pub(crate) fn around(mapping: Mapping<'b>, index: usize) -> Self {
        // INVARIANT: The number of pages is a power of two.
        Self {
            mapping,
            first: index & !(pmd_pages() - 1),
        }
    }

    /// Returns the page cache of the file.
    pub(crate) fn mapping(&self) -> Mapping<'b> {
        self.mapping
    }

    /// Returns the index of the first page.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// Returns the index of the last page.
    pub(crate) fn last(&self) -> usize {
        self.first | (pmd_pages() - 1)
    }

    /// Returns a name that may outlive the file.
    pub(crate) fn id(&self) -> ExtentId {
        ExtentId {
            mapping: self.mapping.id(),
            number: self.first >> pmd_pages().trailing_zeros(),
        }
    }

    /// Returns whether policy allows a huge page here (`shmem_allowable_huge_orders()`, forced):
    /// not with `shmem_enabled=deny`.
    pub(crate) fn is_huge_allowed(&self) -> bool {
        // SAFETY: The mapping keeps its inode.
        unsafe { bindings::huge_allowed(self.mapping.inode(), self.first) }
    }

    /// Returns how a page of the extent seems to be in use, if that may end by itself.
    ///
    /// This is a hint. Takes neither a lock nor a reference.
    pub(crate) fn seen_in_use(&self) -> Option<Use> {
        let mapping = self.mapping.as_ptr();
        // SAFETY: The mapping lives; the call takes RCU for itself.
        let seen = unsafe { bindings::pages_use(mapping, self.first(), pmd_pages()) };
        match seen {
            bindings::shmem_collapse_use_SHMEM_COLLAPSE_USE_LOCKED => Some(Use::Locked),
            bindings::shmem_collapse_use_SHMEM_COLLAPSE_USE_REFERENCED => Some(Use::Referenced),
            _ => None,
        }
    }
}

/// The identity of an extent, for comparisons only.
///
/// It differs between extents while their files live. One of a file that is gone may be that of
/// another file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct ExtentId {
    mapping: usize,
    number: usize,
}

impl ExtentId {
    /// Returns a number that is not the same for neighbouring extents, nor for all files.
    pub(crate) fn hash(self) -> usize {
        // What an address of a mapping has below is the same for all.
        (self.mapping >> 6).wrapping_add(self.number)
    }
}

#[cfg(CONFIG_KUNIT = "y")]
impl ExtentId {
    /// Makes an identity for a KUnit test.
    pub(crate) const fn of_test(mapping: usize, number: usize) -> Self {
        Self { mapping, number }
    }
}

#[kernel::prelude::kunit_tests(shmem_collapse_extent)]
mod tests {
    use super::super::backing::Backing;
    use super::*;
    use kernel::prelude::*;

    #[test]
    fn an_extent_is_aligned() -> Result {
        let file = Backing::of_test()?;
        let new = |index| Extent::new(file.mapping(), index).map(|extent| extent.first());
        assert_eq!(new(0), Some(0));
        assert_eq!(new(1), None);
        assert_eq!(new(pmd_pages() - 1), None);
        assert_eq!(new(pmd_pages()), Some(pmd_pages()));
        assert_eq!(new(usize::MAX), None);
        Ok(())
    }

    #[test]
    fn every_page_is_in_one_extent() -> Result {
        let file = Backing::of_test()?;
        for index in [0, 1, pmd_pages() - 1, pmd_pages(), usize::MAX] {
            let extent = Extent::around(file.mapping(), index);
            assert!((extent.first()..=extent.last()).contains(&index));
            assert_eq!(extent.last() - extent.first(), pmd_pages() - 1);
        }
        Ok(())
    }

    #[test]
    fn extents_of_other_files_are_others() -> Result {
        let (one, other) = (Backing::of_test()?, Backing::of_test()?);
        let extent = Extent::around(one.mapping(), 0);
        assert!(extent == Extent::around(one.mapping(), 1));
        assert!(extent != Extent::around(one.mapping(), pmd_pages()));
        assert!(extent != Extent::around(other.mapping(), 0));
        assert!(extent.id() != Extent::around(other.mapping(), 0).id());
        Ok(())
    }
}
