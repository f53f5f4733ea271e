// SPDX-License-Identifier: GPL-2.0

//! Commit and map: the huge folio takes the sources' place, in the page cache
//! and then in every process.

use super::{
    extent::{
        unaccounted,
        Attempt, //
    },
    gather::Gathered,
    outcome::Outcome,
    unmap::Copied, //
};
use crate::mm::{
    fault::{
        Delay,
        Point, //
    },
    CacheSection,
    PublishedFolio,
    Replaced, //
};

/// An extent that the page cache has as one folio. Nothing can fail any more.
///
/// Dropped in the order of the fields: what is not mapped yet is, the folio is
/// unlocked, then the old ones are freed.
pub(super) struct Committed<'x, 'b> {
    folio: PublishedFolio<'b>,
    old: Replaced<'x, 'b>,
    filled: usize,
}

impl<'x, 'b> Copied<'x, 'b> {
    /// Puts the huge folio into the page cache, or rolls back.
    pub(super) fn commit(mut self) -> Result<Committed<'x, 'b>, Outcome> {
        let Some(held) = self.0.held.take() else {
            unreachable!()
        };
        match held.store() {
            Ok(committed) => Ok(committed),
            Err((held, outcome)) => {
                // Dropping `self` rolls back.
                self.0.held = Some(held);
                Err(outcome)
            }
        }
    }
}

impl<'x, 'b> Gathered<'x, 'b> {
    /// One hold of the page cache's lock: the last tests, then the store.
    fn store(self) -> Result<Committed<'x, 'b>, (Self, Outcome)> {
        let reverse_map = self.sources.mapping().reverse_map();
        let mut section = CacheSection::enter(&reverse_map, &self.huge);

        if let Err(outcome) = self.last_tests(&mut section) {
            drop(section);
            return Err((self, outcome));
        }
        let Self {
            charge,
            sources,
            huge,
        } = self;
        let sources = match sources.freeze() {
            Ok(sources) => sources,
            Err(sources) => {
                drop(section);
                let outcome = unaccounted(sources.surplus_unmapped())
                    .err()
                    .unwrap_or(Outcome::Lru);
                let held = Self {
                    charge,
                    sources,
                    huge,
                };
                return Err((held, outcome));
            }
        };
        let (folio, old) = section.store(huge, sources);
        Ok(Committed {
            folio,
            old,
            filled: charge.keep(),
        })
    }

    fn last_tests(&self, section: &mut CacheSection<'_, '_>) -> Result<(), Outcome> {
        if section.is_frozen() {
            return Err(Outcome::Frozen);
        }
        if self.sources.is_poisoned() {
            return Err(Outcome::Poisoned);
        }
        let holes = self.charge.pages();
        if holes == 0 {
            return Ok(());
        }
        let blocked = section.block_holes().map_err(|_| Outcome::NoMemory)?;
        if blocked != holes || Point::Recount.fails() {
            return Err(Outcome::Filled);
        }
        // From here on, who registers finds no missing page any more.
        if section.has_uffd_missing() || Point::UffdMissing.fails() {
            return Err(Outcome::UffdMissing);
        }
        Ok(())
    }
}

impl Committed<'_, '_> {
    /// Turns the migration entries into huge mappings, or into empty pmds where
    /// the request wants every process to fault; then lets the waiters go and
    /// frees the old folios.
    pub(super) fn map(self, attempt: &mut Attempt<'_>) {
        attempt.cost.holes_filled += self.filled as u64;
        if attempt.config.map_all {
            attempt.cost.report.pmds_mapped += self.folio.map_everywhere() as u32;
        } else {
            self.folio.map_nowhere();
        }
        drop(self.folio);
        Delay::Mapped.wait();
        self.old.retire();
    }
}
