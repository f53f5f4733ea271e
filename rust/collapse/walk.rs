// SPDX-License-Identifier: GPL-2.0

//! What the keys of a request stand for: addresses of a process, or page offsets of a file.

use super::{
    locate::{
        holes,
        locate,
        stretch,
        Place, //
    },
    mapped::Mapped,
    outcome::Outcome, //
};
use crate::mm::{
    backing::Mapping,
    extent::Extent,
    named::Installed,
    process::Process, //
};
use kernel::prelude::*;

/// How a request comes from a key to an extent, and what it makes of the outcome.
pub(super) trait Walk: Sync {
    /// Finds the extent of a key. The inner error is the outcome of a key that has none; the outer
    /// one ends the request.
    fn find(&self, key: usize) -> Result<Result<Place<'_>, Outcome>>;

    /// Returns how many of the `most` extents from `key` on are sure to end as `outcome`, which the
    /// one before had: there is nothing in them.
    fn stretch(&self, key: usize, most: usize, outcome: Outcome) -> usize;

    /// Returns whether an extent with this outcome is one of the request's.
    fn counts(&self, _outcome: Outcome) -> bool {
        true
    }

    /// Takes note of an outcome, when it is final: that of the extent of `key`, or of so many from
    /// there on. Called once for each extent that counts.
    fn note(&self, _key: usize, _outcome: Outcome, _extents: usize) {}

    /// Maps the huge page of an extent at `key`, in the process whose address that is.
    fn map(&self, _key: usize, _extent: Extent<'_>) -> Installed {
        Installed::Not
    }

    /// Returns what the request has mapped huge already, if it may come to an extent twice.
    fn mapped(&self) -> Option<&Mapped> {
        None
    }
}

/// Addresses of a process.
pub(super) struct OfProcess<'r> {
    process: &'r Process,
    mapped: &'r Mapped,
    /// All that it has of shmem, and nothing that it has not.
    whole: bool,
}

impl<'r> OfProcess<'r> {
    /// Returns the walk over a range of addresses, of which every extent counts.
    pub(super) fn range(process: &'r Process, mapped: &'r Mapped) -> Self {
        Self {
            process,
            mapped,
            whole: false,
        }
    }

    /// Returns the walk over every mapping: what is not shmem, or goes away meanwhile, does not
    /// count.
    pub(super) fn whole(process: &'r Process, mapped: &'r Mapped) -> Self {
        Self {
            process,
            mapped,
            whole: true,
        }
    }
}

impl Walk for OfProcess<'_> {
    fn find(&self, addr: usize) -> Result<Result<Place<'_>, Outcome>> {
        if !self.process.is_in_use() {
            return Err(ESRCH);
        }
        Ok(locate(self.process, addr))
    }

    fn stretch(&self, addr: usize, most: usize, outcome: Outcome) -> usize {
        stretch(self.process, addr, most, outcome)
    }

    fn counts(&self, outcome: Outcome) -> bool {
        !self.whole || !matches!(outcome, Outcome::NotShmem | Outcome::Unmapped)
    }

    fn map(&self, addr: usize, extent: Extent<'_>) -> Installed {
        self.process.map_huge(addr, extent)
    }

    fn mapped(&self) -> Option<&Mapped> {
        Some(self.mapped)
    }
}

/// Page offsets in a file.
pub(super) struct OfFile<'b>(pub(super) Mapping<'b>);

impl Walk for OfFile<'_> {
    fn find(&self, index: usize) -> Result<Result<Place<'_>, Outcome>> {
        Ok(Ok(Place::in_file(self.0, index)))
    }

    fn stretch(&self, index: usize, most: usize, outcome: Outcome) -> usize {
        holes(Extent::around(self.0, index), most, outcome)
    }
}
