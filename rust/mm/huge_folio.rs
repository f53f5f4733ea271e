// SPDX-License-Identifier: GPL-2.0

//! The PMD-sized folio, before and after it is in the page cache.

use super::{
    extent::Extent,
    nodes::Nodes,
    reverse_map::{
        MappedVma,
        ReverseMap, //
    },
    sources::{
        home::Owner,
        state::Locked,
        Scratch,
        Sources, //
    },
};
use crate::{
    bindings,
    pgtable::{
        cleared::{
            ClearedRun,
            MappedPages, //
        },
        migration::{
            MigrationTarget,
            Spared, //
        },
        pmd_install::Mappable,
        walk::PmdSlot, //
    },
    support::failpoint::Point, //
};
use core::{
    cell::Cell,
    mem::ManuallyDrop,
    ops::ControlFlow,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Returns whether the machine has PMD-sized pages for the page cache.
pub(crate) fn huge_pages_supported() -> bool {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::huge_pages_supported() }
}

/// A locked, charged PMD-sized folio that nobody can find yet.
///
/// Its mapping, index and swapbacked flag are set, so that migration entries may name it. Dropping
/// it clears these entries and frees it.
///
/// # Invariants
///
/// `folio` has PMD order and is locked and referenced by this value. Its mapping and index are
/// those of the extent. If a migration entry may name it, `named` is set.
pub(crate) struct HugeFolio<'b> {
    folio: NonNull<bindings::folio>,
    extent: Extent<'b>,
    named: Cell<bool>,
}

/// Why there is no huge folio.
pub(crate) enum Unavailable {
    /// No free PMD-sized block of memory on the nodes.
    Memory,
    /// The memory cgroup's limit.
    Cgroup,
    /// The block found lies in a zone that the mapping forbids.
    Zone,
}

/// Which memory cgroup a huge folio is charged to.
#[derive(Clone, Copy)]
pub(crate) enum Payer<'s> {
    /// The one that owns more of the sources than any other.
    Owner(Owner<'s>),
    /// The one of the calling process.
    Caller,
}

impl<'b> HugeFolio<'b> {
    /// Allocates the folio for an extent, on one of `nodes` that the cpuset of the calling task
    /// allows, and charges it to the memory cgroup of `payer`. Context: sleeps; reclaims and
    /// compacts if `reclaim`; for [`Payer::Caller`], a process.
    pub(crate) fn new(
        extent: Extent<'b>,
        nodes: &Nodes,
        payer: Payer<'_>,
        reclaim: bool,
    ) -> Result<Self, Unavailable> {
        Point::HugePage.check(Unavailable::Memory)?;
        // SAFETY: The mask is valid; without a node in it that can be used the answer is null.
        let folio = unsafe { bindings::huge_alloc(reclaim, nodes.as_ptr()) };
        let folio = NonNull::new(folio).ok_or(Unavailable::Memory)?;

        // SAFETY: The owner's folio is referenced; each call takes a reference on the group.
        let memcg = unsafe {
            match payer {
                Payer::Owner(owner) => bindings::folio_memcg(owner.folio()),
                Payer::Caller => bindings::current_memcg(),
            }
        };
        let charged = Point::Memcg.check(ENOMEM).and_then(|()| {
            // SAFETY: The folio is new and uncharged; the group is referenced.
            to_result(unsafe { bindings::huge_charge(folio.as_ptr(), memcg, reclaim) })
        });
        // SAFETY: The reference taken above.
        unsafe { bindings::mem_cgroup_put(memcg) };
        let mapping = extent.mapping().as_ptr();
        // SAFETY: The folio is valid; the mapping lives.
        let allowed = unsafe { bindings::zone_allowed(folio.as_ptr(), mapping) };
        let zone = allowed && !Point::Zone.fails();
        if charged.is_err() || !zone {
            // SAFETY: The only reference, ours.
            unsafe { bindings::folio_put(folio.as_ptr()) };
            return Err(if zone {
                Unavailable::Cgroup
            } else {
                Unavailable::Zone
            });
        }

        // SAFETY: Nobody else can see the folio.
        unsafe { bindings::huge_prepare(folio.as_ptr(), mapping, extent.first()) };
        // INVARIANT: Locked and completed by the call above.
        Ok(Self {
            folio,
            extent,
            named: Cell::new(false),
        })
    }

    /// Returns the extent that it is meant for.
    pub(super) fn extent(&self) -> Extent<'b> {
        self.extent
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::folio {
        self.folio.as_ptr()
    }

    /// Returns whether a page was poisoned since the folio was allocated.
    pub(super) fn is_poisoned(&self) -> bool {
        // SAFETY: The folio is valid.
        unsafe { bindings::huge_poisoned(self.as_ptr()) || Point::NewPoison.fails() }
    }

    /// Turns every entry that names the folio into an empty one. Context: sleeps (`i_mmap_rwsem`).
    pub(super) fn clear_entries(&self) {
        if !self.named.replace(false) {
            return;
        }
        let _: ControlFlow<()> = self.extent.reverse_map().for_each(|vma| {
            self.clear_entries_of(vma, Spared::Nothing, Spared::Nothing);
            ControlFlow::Continue(())
        });
    }

    /// Clears the pmds and ptes of a VMA that name the folio and are not spared.
    ///
    /// Every lock is taken, even if a lockless read finds nothing to do. A zap or split that has
    /// just cleared a pmd still uses the folio under its lock, and `move_ptes()`, which does not
    /// wait for `i_mmap_rwsem` where the new VMA comes later in this walk, has an entry in neither
    /// table for a moment.
    ///
    /// A pmd names the folio only where the VMA covers the whole range of the entry: a change that
    /// shrinks the VMA splits the pmd first (`vma_adjust_trans_huge()`).
    fn clear_entries_of(&self, vma: &MappedVma<'_>, pmds: Spared, ptes: Spared) {
        for (piece, _) in vma.pieces() {
            let Some(mut slot) = PmdSlot::find(vma, piece.start) else {
                continue;
            };
            if let Some(whole) = slot.whole() {
                let mut section = whole.invalidate();
                let mut pmd = section.lock_pmd();
                pmd.clear_migration(self, pmds);
                if let Some(mut table) = pmd.lock_table() {
                    table.clear_migrations(self, ptes);
                };
            } else if let Some(mut table) = slot.invalidate(piece).lock_pmd().lock_table() {
                table.clear_migrations(self, ptes);
            };
        }
    }

    /// Maps the small folios again in the place of every entry that names this one.
    ///
    /// A pmd gets the table back that was taken out there, if it was kept, and else becomes empty:
    /// an entry that `mremap()` has moved, for one. Context: sleeps (`i_mmap_rwsem`).
    pub(super) fn map_back(&self, sources: &mut Sources<'_, 'b, Locked>) {
        if sources.extent() != self.extent || !self.named.replace(false) {
            return;
        }
        let _: ControlFlow<()> = self.extent.reverse_map().for_each(|vma| {
            self.map_back_in(vma, sources);
            ControlFlow::Continue(())
        });
    }

    /// Takes every lock, for the reasons of [`clear_entries_of`](Self::clear_entries_of).
    fn map_back_in(&self, vma: &MappedVma<'_>, sources: &mut Sources<'_, 'b, Locked>) {
        for (piece, _) in vma.pieces() {
            let Some(mut slot) = PmdSlot::find(vma, piece.start) else {
                continue;
            };
            let base = slot.base();
            if let Some(whole) = slot.whole() {
                let table = sources.take_table(vma, base);
                let mut section = whole.invalidate();
                let mut pmd = section.lock_pmd();
                let back = table.is_some_and(|table| pmd.put_back(self, table, sources));
                if !back {
                    pmd.clear_migration(self, Spared::Nothing);
                }
                if let Some(mut table) = pmd.lock_table() {
                    table.map_back(self, sources);
                };
            } else if let Some(mut table) = slot.invalidate(piece).lock_pmd().lock_table() {
                table.map_back(self, sources);
            };
        }
    }

    /// Returns the folio as one that the page cache has.
    ///
    /// # Safety
    ///
    /// The folio has just been stored in the page cache, published.
    pub(super) unsafe fn into_published(self) -> PublishedFolio<'b> {
        // INVARIANT: Lock and reference move over.
        PublishedFolio(ManuallyDrop::new(self))
    }
}

impl Drop for HugeFolio<'_> {
    fn drop(&mut self) {
        self.clear_entries();
        // SAFETY: By the type invariant lock and reference are ours; no entry
        // names the folio.
        unsafe { bindings::huge_abandon(self.as_ptr()) };
    }
}

// SAFETY: Locked until dropped, which clears the entries of all VMAs of the mapping first, if
// `note_named()` was called; `huge_prepare()` set the fields.
unsafe impl MigrationTarget for HugeFolio<'_> {
    fn head(&self) -> NonNull<bindings::page> {
        // SAFETY: The folio is valid and its first page not null.
        unsafe { NonNull::new_unchecked(bindings::huge_head(self.as_ptr())) }
    }

    fn note_named(&self) {
        self.named.set(true);
    }
}

/// The huge folio once it is the page cache's, still locked.
///
/// Dropping it unlocks it: waiters on its migration entries go on. Entries that are left by then
/// become mappings first.
///
/// # Invariants
///
/// The folio is in the page cache, locked and referenced by this value.
pub(crate) struct PublishedFolio<'b>(ManuallyDrop<HugeFolio<'b>>);

impl<'b> PublishedFolio<'b> {
    /// Locks the huge folio that the page cache has for an extent, if that is possible at once.
    pub(crate) fn find(extent: Extent<'b>) -> Option<Self> {
        Point::HugeFind.check(()).ok()?;
        let (mapping, first) = (extent.mapping().as_ptr(), extent.first());
        // SAFETY: The mapping lives; the folio comes referenced.
        let folio = NonNull::new(unsafe { bindings::huge_find(mapping, first) })?;
        let mut one = folio.as_ptr();
        // SAFETY: Referenced.
        if unsafe { bindings::folios_trylock(&mut one, 1) } == 0 {
            // SAFETY: The reference that came with it.
            unsafe { bindings::folio_put(folio.as_ptr()) };
            return None;
        }
        // SAFETY: Referenced and locked.
        if !unsafe { bindings::huge_at(folio.as_ptr(), mapping, first) } {
            // SAFETY: Lock and reference were taken above.
            unsafe {
                bindings::folio_unlock(folio.as_ptr());
                bindings::folio_put(folio.as_ptr());
            }
            return None;
        }
        // INVARIANT: In the page cache, where the lock keeps it; no entry of ours names it.
        Some(Self(ManuallyDrop::new(HugeFolio {
            folio,
            extent,
            named: Cell::new(false),
        })))
    }

    /// Turns every migration entry that names the folio into a present mapping: a pmd maps all of
    /// it, a pte one page. Returns how many pmds there are now.
    ///
    /// Only where a userfaultfd was registered since the entry was made, the first touch is left to
    /// be an event. A pte stays: its page was mapped.
    ///
    /// Context: sleeps (`i_mmap_rwsem`).
    pub(crate) fn map_everywhere(&self) -> usize {
        self.map_everywhere_under(None)
    }

    /// Does the same, under the reverse map of the extent if that is locked already. It is unlocked
    /// after that.
    pub(super) fn map_everywhere_under(&self, held: Option<ReverseMap<'b>>) -> usize {
        self.map_where(held, |vma| {
            vma.is_uffd_armed()
                .then(|| (spared_pmds(vma), Spared::Everything))
        })
    }

    /// Turns every entry into an empty one: each process faults for itself. What only the entry
    /// knows is mapped all the same.
    ///
    /// Context and reverse map are as for [`map_everywhere_under`](Self::map_everywhere_under).
    pub(super) fn map_nowhere_under(&self, held: Option<ReverseMap<'b>>) {
        self.map_where(held, |vma| Some((spared_pmds(vma), Spared::SoftDirty)));
    }

    /// Clears the pmds and ptes that `clear` does not spare in a VMA, and maps what is left
    /// (`remove_migration_ptes()`), in one hold of the lock.
    fn map_where(
        &self,
        held: Option<ReverseMap<'b>>,
        clear: impl Fn(&MappedVma<'_>) -> Option<(Spared, Spared)>,
    ) -> usize {
        let (folio, extent) = (self.0.as_ptr(), self.0.extent);
        if self.0.named.replace(false) {
            let reverse_map = held
                .filter(|held| held.extent() == extent)
                .unwrap_or_else(|| extent.reverse_map());
            let _: ControlFlow<()> = reverse_map.for_each(|vma| {
                if let Some((pmds, ptes)) = clear(vma) {
                    self.0.clear_entries_of(vma, pmds, ptes);
                }
                ControlFlow::Continue(())
            });
            // SAFETY: The folio is locked and in the page cache; it is its own replacement, as when
            // a migration is undone. The reverse map is that of its mapping, and locked.
            unsafe {
                let locked = bindings::ttu_flags_TTU_RMAP_LOCKED;
                bindings::remove_migration_ptes(folio, folio, locked);
            }
        }
        self.mapped()
    }

    /// Returns how many page tables map the folio as one (`folio_entire_mapcount()`).
    pub(crate) fn mapped(&self) -> usize {
        // SAFETY: The folio is locked and referenced.
        unsafe { bindings::huge_mapcount(self.0.as_ptr()) as usize }
    }
}

/// Returns which pmds stay in a VMA where nothing is to be mapped that was not: a minor event that
/// is lost is worse than a soft-dirty bit.
fn spared_pmds(vma: &MappedVma<'_>) -> Spared {
    if vma.has_uffd_minor() {
        Spared::Nothing
    } else {
        Spared::SoftDirty
    }
}

// SAFETY: Locked until dropped, which turns the entries of all VMAs of the mapping into mappings
// first, if `note_named()` was called; in the page cache all fields are set.
unsafe impl MigrationTarget for PublishedFolio<'_> {
    fn head(&self) -> NonNull<bindings::page> {
        self.0.head()
    }

    fn note_named(&self) {
        self.0.note_named();
    }
}

// SAFETY: By the type invariant it is in the page cache and referenced; what is published is up to
// date, and `find()` returns no other.
unsafe impl Mappable for PublishedFolio<'_> {}

/// The pages of a huge folio that page tables may map one by one.
///
/// # Invariants
///
/// `frames` are those of the folio's pages.
pub(crate) struct HugePages<'f, 'b> {
    folio: &'f PublishedFolio<'b>,
    frames: &'f [usize],
}

impl<'f, 'b> HugePages<'f, 'b> {
    /// Notes the page frames of a folio in `scratch`.
    pub(crate) fn new(folio: &'f PublishedFolio<'b>, scratch: &'f mut Scratch) -> Self {
        // SAFETY: The folio is referenced.
        let first = unsafe { bindings::folio_pfn(folio.0.as_ptr()) };
        let frames = scratch.frames_mut();
        for (frame, pfn) in frames.iter_mut().zip(first..) {
            *frame = pfn;
        }
        // INVARIANT: Filled in above.
        Self { folio, frames }
    }
}

// SAFETY: A published folio is locked and one of the page cache. What it takes over is below.
unsafe impl MappedPages for HugePages<'_, '_> {
    fn frames(&self) -> &[usize] {
        self.frames
    }

    /// Takes the mappings off the folio's counts at once.
    fn settle(&mut self, run: ClearedRun<'_, Self>) {
        let (folio, vma) = (self.folio.0.as_ptr(), run.vma().as_ptr());
        // SAFETY: The folio is locked. `run` proves that entries of the VMA mapped these of its
        // pages, by the invariant of `self`, and are gone. Some may have been dirty.
        unsafe {
            bindings::folio_mark_dirty(folio);
            for pages in run.into_stretches() {
                bindings::folio_remove_rmap(folio, pages.start, pages.len() as i32, vma);
            }
        }
    }
}

impl Drop for PublishedFolio<'_> {
    fn drop(&mut self) {
        self.map_everywhere_under(None);
        // SAFETY: By the type invariant lock and reference are ours.
        unsafe {
            bindings::folio_unlock(self.0.as_ptr());
            bindings::folio_put(self.0.as_ptr());
        }
    }
}
