// SPDX-License-Identifier: GPL-2.0

//! Commit and map: what becomes of a store that is refused, and of the entries after one that is
//! not.

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
    /// Turns the migration entries into mappings, or into empty entries where the request wants
    /// every process to fault; then lets the waiters go and frees the old folios.
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
