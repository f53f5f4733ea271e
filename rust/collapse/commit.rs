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
use crate::{
    mm::{
        cache_section::{
            CacheSection,
            Replaced, //
        },
        huge_folio::PublishedFolio,
        reverse_map::ReverseMap, //
    },
    support::failpoint::{
        Delay,
        Point, //
    },
};

/// An extent that the page cache has as one folio. Nothing can fail any more.
///
/// Dropped in the order of the fields: what is not mapped yet is, for which the
/// reverse map is locked anew, the folio is unlocked, then the old ones are freed.
pub(super) struct Committed<'x, 'b> {
    reverse_map: Option<ReverseMap<'b>>,
    folio: PublishedFolio<'b>,
    old: Replaced<'x, 'b>,
    filled: usize,
}

impl<'x, 'b> Copied<'x, 'b> {
    /// Puts the huge folio into the page cache, or rolls back.
    pub(super) fn commit(self) -> Result<Committed<'x, 'b>, Outcome> {
        let Self {
            reverse_map,
            mut unmapped,
        } = self;
        let Some(held) = unmapped.held.take() else {
            unreachable!()
        };
        match held.store(reverse_map) {
            Ok(committed) => Ok(committed),
            Err((held, outcome)) => {
                // Dropping this rolls back.
                unmapped.held = Some(held);
                Err(outcome)
            }
        }
    }
}

impl<'x, 'b> Gathered<'x, 'b> {
    /// One hold of the page cache's lock: the last tests, then the store.
    fn store(
        self,
        reverse_map: Option<ReverseMap<'b>>,
    ) -> Result<Committed<'x, 'b>, (Self, Outcome)> {
        let mut section = CacheSection::enter(reverse_map.as_ref(), &self.huge);

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
            reverse_map,
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
    /// Turns the migration entries into mappings, or into empty entries where the
    /// request wants every process to fault; then lets the waiters go and frees
    /// the old folios.
    pub(super) fn map(self, attempt: &mut Attempt<'_>) {
        let Self {
            reverse_map,
            folio,
            old,
            filled,
        } = self;
        attempt.cost.holes_filled += filled as u64;
        if attempt.config.map_all {
            attempt.cost.report.pmds_mapped += folio.map_everywhere(reverse_map) as u32;
        } else {
            folio.map_nowhere(reverse_map);
        }
        drop(folio);
        Delay::Mapped.wait();
        old.retire();
    }
}
