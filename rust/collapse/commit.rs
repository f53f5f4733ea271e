// SPDX-License-Identifier: GPL-2.0

//! Commit and map: the outcome of a refused store, and the mappings after a successful one.

use super::{
    extent::{
        unaccounted,
        Attempt, //
    },
    outcome::Outcome, //
};
use crate::{
    mm::exchange::store::{
        Committed,
        Refused, //
    },
    support::failpoint::Delay, //
};

impl From<Refused> for Outcome {
    fn from(why: Refused) -> Self {
        match why {
            Refused::Frozen => Outcome::Frozen,
            Refused::Poisoned => Outcome::Poisoned,
            // Another huge page may be sound.
            Refused::NewPoisoned => Outcome::Raced,
            Refused::NoMemory => Outcome::NoMemory,
            Refused::Filled => Outcome::Filled,
            Refused::Watched => Outcome::UffdMissing,
            Refused::Referenced(surplus) => unaccounted(surplus),
        }
    }
}

impl Committed<'_, '_> {
    /// Turns the migration entries into mappings, or clears them if the request leaves the mapping
    /// to page faults. Then wakes the waiters and frees the old folios.
    pub(super) fn map(mut self, attempt: &mut Attempt<'_>) {
        attempt.cost.holes_filled += self.filled() as u64;
        if attempt.config.map_all {
            attempt.cost.report.pmds_mapped += self.map_everywhere() as u32;
        } else {
            self.map_nowhere();
        }
        let old = self.unlock();
        Delay::Mapped.wait();
        old.retire();
    }
}
