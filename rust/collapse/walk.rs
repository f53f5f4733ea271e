// SPDX-License-Identifier: GPL-2.0

//! Walks: the keys of a request are addresses of a process, or page offsets of a file.

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

/// Maps the keys of a request to extents, and receives the outcomes.
pub(super) trait Walk: Sync {
    /// Finds the extent of a key. The inner error is the outcome for a key without an extent; the
    /// outer one ends the request.
    fn find(&self, key: usize) -> Result<Result<Place<'_>, Outcome>>;

    /// Returns how many of the `most` extents from `key` on certainly end as `outcome`, that of the
    /// previous one, because there is nothing in them.
    fn stretch(&self, key: usize, most: usize, outcome: Outcome) -> usize;

    /// Returns whether an extent with this outcome belongs to the request.
    fn counts(&self, _outcome: Outcome) -> bool {
        true
    }

    /// Receives a final outcome, that of `extents` extents from `key` on. Called once for each
    /// extent that counts.
    fn note(&self, _key: usize, _outcome: Outcome, _extents: usize) {}

    /// Maps the huge page of an extent at the address `key` of the process.
    fn map(&self, _key: usize, _extent: Extent<'_>) -> Installed {
        Installed::Not
    }

    /// Returns the extents that the request has mapped huge, if it may visit an extent twice.
    fn mapped(&self) -> Option<&Mapped> {
        None
    }
}

/// Addresses of a process.
pub(super) struct OfProcess<'r> {
    process: &'r Process,
    mapped: &'r Mapped,
    /// All shmem of the process, and nothing else, belongs to the request.
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

    /// Returns the walk over every mapping. Memory that is not shmem, or is unmapped meanwhile,
    /// does not count.
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
