// SPDX-License-Identifier: GPL-2.0

//! The store of the huge folio into the page cache, which ends an exchange.

use super::{
    copied::Copied,
    gathered::Gathered,
    unmapped::Unmapped, //
};
use crate::{
    mm::{
        cache_section::CacheSection,
        huge_folio::PublishedFolio,
        reverse_map::ReverseMap,
        sources::{
            state::Frozen,
            Sources,
            Surplus, //
        },
    },
    support::failpoint::Point,
};

/// Why the huge folio was not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A live update has frozen the file.
    Frozen,
    /// A page was poisoned since it was found.
    Poisoned,
    /// A page of the huge folio is poisoned.
    NewPoisoned,
    /// No memory to block the holes.
    NoMemory,
    /// A hole is none any more.
    Filled,
    /// A userfaultfd waits for a page in a hole.
    Watched,
    /// Somebody has a reference to a small folio.
    Referenced(Surplus),
}

/// An extent that the page cache has as one folio. Nothing can fail any more.
///
/// Dropped in the order of the fields: what is not mapped yet is, for which the reverse map is
/// locked anew, the folio is unlocked, then the old ones are freed.
///
/// # Invariants
///
/// `reverse_map`, if it is there, is that of the extent.
pub(crate) struct Committed<'x, 'b> {
    reverse_map: Option<ReverseMap<'b>>,
    folio: PublishedFolio<'b>,
    old: Replaced<'x, 'b>,
    filled: usize,
}

impl<'x, 'b> Copied<'x, 'b> {
    /// Stores the huge folio in place of the small ones, or rolls back.
    ///
    /// The last tests and the store are one critical section of the page cache's lock. In it, it is
    /// tested again that the holes are still holes, and that there is no other reference to a small
    /// folio. Context: sleeps, when it rolls back.
    pub(crate) fn store(self) -> Result<Committed<'x, 'b>, Refused> {
        // Dropped the other way round: the lock of the page cache, that of the reverse map, and
        // then what rolls back.
        let unmapped = self.unmapped;
        let reverse_map = self.reverse_map;
        let mut section = CacheSection::enter(unmapped.held().extent());
        last_tests(unmapped.held(), &mut section, reverse_map.as_ref())?;
        // SAFETY: The parts come back if the references cannot be frozen; after that nothing fails.
        let held = unsafe { unmapped.into_held() };
        let Gathered {
            charge,
            sources,
            huge,
        } = held;
        let sources = match sources.freeze() {
            Ok(sources) => sources,
            Err(sources) => {
                drop(section);
                // There may be none any more.
                let surplus = sources.surplus_unmapped().unwrap_or(Surplus::Passing);
                drop(reverse_map);
                // SAFETY: Taken out above, and still locked.
                drop(unsafe {
                    Unmapped::from_held(Gathered {
                        charge,
                        sources,
                        huge,
                    })
                });
                return Err(Refused::Referenced(surplus));
            }
        };
        // SAFETY: The section, the huge folio and the sources are of one extent, and the folio is
        // complete, by the invariants of `Gathered` and `Copied`. `last_tests()` found or put an
        // entry in every place: one of a source, or one that blocks a hole. The sources are frozen.
        // As many pages as there are holes are charged.
        let folio = unsafe { section.store(huge) };
        // SAFETY: The holes are pages now. They were as many as are charged, by `last_tests()`.
        let filled = unsafe { charge.keep() };
        // INVARIANT: The store took the sources' entries away.
        let old = Replaced(Some(sources));
        Ok(Committed {
            reverse_map,
            folio,
            old,
            filled,
        })
    }
}

/// Tests what has to be true in the hold of the lock in which the folio is stored. After it every
/// place of the extent has an entry.
fn last_tests<'b>(
    held: &Gathered<'_, 'b>,
    section: &mut CacheSection<'b>,
    reverse_map: Option<&ReverseMap<'b>>,
) -> Result<(), Refused> {
    if held.extent().mapping().is_frozen() {
        return Err(Refused::Frozen);
    }
    if held.sources.is_poisoned() {
        return Err(Refused::Poisoned);
    }
    // It could not be unmapped: memory_failure() finds no folio of the page cache yet.
    if held.huge.is_poisoned() {
        return Err(Refused::NewPoisoned);
    }
    // By the invariant of `Gathered` that is how many holes there are: without one, each place has
    // a locked folio.
    let holes = held.charge.pages();
    if holes == 0 {
        return Ok(());
    }
    let blocked = section.block_holes().map_err(|_| Refused::NoMemory)?;
    if blocked != holes || Point::Recount.fails() {
        return Err(Refused::Filled);
    }
    // A userfaultfd that is registered from here on finds no page missing.
    let watched = reverse_map.is_none_or(|map| map.any(|vma| vma.has_uffd_missing()));
    if watched || Point::UffdMissing.fails() {
        return Err(Refused::Watched);
    }
    Ok(())
}

impl<'x, 'b> Committed<'x, 'b> {
    /// Returns the number of holes that are pages now.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Turns the migration entries into mappings; see [`PublishedFolio::map_everywhere`].
    pub(crate) fn map_everywhere(&mut self) -> usize {
        self.folio.map_everywhere_under(self.reverse_map.take())
    }

    /// Turns the migration entries into empty ones; see
    /// [`PublishedFolio::map_nowhere_under`].
    pub(crate) fn map_nowhere(&mut self) {
        self.folio.map_nowhere_under(self.reverse_map.take());
    }

    /// Unlocks the huge folio, so that waiters go on.
    pub(crate) fn unlock(self) -> Replaced<'x, 'b> {
        self.old
    }
}

/// Small folios that the page cache no longer has. Dropping it frees them.
///
/// # Invariants
///
/// A huge entry was stored over all of them.
pub(crate) struct Replaced<'x, 'b>(Option<Sources<'x, 'b, Frozen>>);

impl Replaced<'_, '_> {
    /// Unlocks and frees the folios. Context: may reschedule.
    pub(crate) fn retire(self) {
        drop(self);
    }
}

impl Drop for Replaced<'_, '_> {
    fn drop(&mut self) {
        if let Some(sources) = self.0.take() {
            // SAFETY: By the type invariant.
            unsafe { sources.retire() };
        }
    }
}
