// SPDX-License-Identifier: GPL-2.0

//! The new PMD-sized folio, before and after it is in the page cache.

use super::{
    backing::Mapping,
    extent_pages::ExtentPages,
    nodes::Nodes,
    reverse_map::{
        MappedVma,
        ReverseMap, //
    },
    sources::{
        home::Owner,
        Scratch, //
    },
};
use crate::{
    bindings,
    pgtable::{
        cleared::ClearedRun,
        migration::{
            MigrationTarget,
            Spared, //
        },
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
/// Its mapping, index and swapbacked flag are set, so that migration entries
/// may name it. Dropping it frees it; no entry may name it by then.
///
/// # Invariants
///
/// `folio` has PMD order and is locked and referenced by this value. If a
/// migration entry may name it, `named` is set.
pub(crate) struct HugeFolio<'b> {
    folio: NonNull<bindings::folio>,
    mapping: Mapping<'b>,
    index: usize,
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
    /// Allocates the folio for the extent at `index`, on one of `nodes` that the
    /// cpuset of the calling task allows, and charges it to the memory cgroup of
    /// `payer`. Context: sleeps; reclaims and compacts if `reclaim`; for
    /// [`Payer::Caller`], a process.
    pub(crate) fn new(
        mapping: Mapping<'b>,
        index: usize,
        nodes: &Nodes,
        payer: Payer<'_>,
        reclaim: bool,
    ) -> Result<Self, Unavailable> {
        Point::HugePage.check(Unavailable::Memory)?;
        // SAFETY: Process context; nodes that cannot be used yield null.
        let folio = unsafe { bindings::huge_alloc(reclaim, nodes.as_ptr()) };
        let folio = NonNull::new(folio).ok_or(Unavailable::Memory)?;

        // SAFETY: The owner's folio is referenced; each call takes a reference on
        // the group.
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
        // SAFETY: The folio is valid; the mapping lives.
        let zone = unsafe { bindings::zone_allowed(folio.as_ptr(), mapping.as_ptr()) }
            && !Point::Zone.fails();
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
        unsafe { bindings::huge_prepare(folio.as_ptr(), mapping.as_ptr(), index) };
        // INVARIANT: Locked and completed by the call above.
        Ok(Self {
            folio,
            mapping,
            index,
            named: Cell::new(false),
        })
    }

    /// The page cache that it is meant for.
    pub(crate) fn mapping(&self) -> Mapping<'b> {
        self.mapping
    }

    /// Its first page's index.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::folio {
        self.folio.as_ptr()
    }

    /// Turns every entry that names the folio into an empty one. Context: sleeps
    /// (`i_mmap_rwsem`).
    pub(crate) fn clear_entries(&self) {
        if !self.named.replace(false) {
            return;
        }
        let _: ControlFlow<()> = self.mapping.reverse_map().for_each(self.index, |vma| {
            self.clear_entries_of(vma, Spared::Nothing, Spared::Nothing);
            ControlFlow::Continue(())
        });
    }

    /// Clears the pmds and ptes of a VMA that name the folio and are not spared.
    ///
    /// Every lock is taken, whatever a look without it says. A zap or split that
    /// has just cleared a pmd still looks at the folio under its lock, and
    /// `move_ptes()`, which does not wait for `i_mmap_rwsem` where the new VMA
    /// comes later in this walk, has an entry in neither table for a moment.
    fn clear_entries_of(&self, vma: &MappedVma<'_>, pmds: Spared, ptes: Spared) {
        for (piece, _) in vma.pieces_of(self.index) {
            let Some(mut slot) = PmdSlot::find(vma, piece.start) else {
                continue;
            };
            let mut section = slot.invalidate(piece);
            let mut pmd = section.lock_pmd();
            pmd.clear_migration(self, pmds);
            if let Some(mut table) = pmd.lock_table() {
                table.clear_migrations(self, ptes);
            };
        }
    }

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

// SAFETY: Locked until dropped, which clears the entries first; `huge_prepare()`
// set the fields.
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
/// Dropping it unlocks it: waiters on its migration entries go on. Entries that
/// are left by then become huge mappings first.
///
/// # Invariants
///
/// The folio is in the page cache, locked and referenced by this value.
pub(crate) struct PublishedFolio<'b>(ManuallyDrop<HugeFolio<'b>>);

impl<'b> PublishedFolio<'b> {
    /// Locks the huge folio that the page cache has at `index`, if that is possible at once.
    pub(crate) fn find(mapping: Mapping<'b>, index: usize) -> Option<Self> {
        Point::HugeFind.check(()).ok()?;
        // SAFETY: The mapping lives; the folio comes referenced.
        let folio = NonNull::new(unsafe { bindings::huge_find(mapping.as_ptr(), index) })?;
        let mut one = folio.as_ptr();
        // SAFETY: Referenced.
        if unsafe { bindings::folios_trylock(&mut one, 1) } == 0 {
            // SAFETY: The reference of above.
            unsafe { bindings::folio_put(folio.as_ptr()) };
            return None;
        }
        // SAFETY: Referenced and locked.
        if !unsafe { bindings::huge_at(folio.as_ptr(), mapping.as_ptr(), index) } {
            // SAFETY: Lock and reference of above.
            unsafe {
                bindings::folio_unlock(folio.as_ptr());
                bindings::folio_put(folio.as_ptr());
            }
            return None;
        }
        // INVARIANT: In the page cache, where the lock keeps it; no entry of ours
        // names it.
        Some(Self(ManuallyDrop::new(HugeFolio {
            folio,
            mapping,
            index,
            named: Cell::new(false),
        })))
    }

    /// Turns every migration entry that names the folio into a present mapping:
    /// a pmd maps all of it, a pte one page. Returns how many pmds there are now.
    ///
    /// Only where a userfaultfd was registered since the entry was made, the
    /// first touch is left to be an event. A pte stays: its page was mapped.
    ///
    /// Context: sleeps (`i_mmap_rwsem`, which `held` stands for).
    pub(crate) fn map_everywhere(&self, held: Option<ReverseMap<'b>>) -> usize {
        self.map_where(held, |vma| {
            vma.is_uffd_armed()
                .then(|| (spared_pmds(vma), Spared::Everything))
        })
    }

    /// Turns every entry into an empty one: each process faults for itself. What
    /// only the entry knows is mapped all the same.
    ///
    /// Context: as for [`map_everywhere`](Self::map_everywhere).
    pub(crate) fn map_nowhere(&self, held: Option<ReverseMap<'b>>) {
        self.map_where(held, |vma| Some((spared_pmds(vma), Spared::SoftDirty)));
    }

    /// Clears the pmds and ptes that `clear` does not spare in a VMA, and maps
    /// what is left (`remove_migration_ptes()`), in one hold of the lock.
    fn map_where(
        &self,
        held: Option<ReverseMap<'b>>,
        clear: impl Fn(&MappedVma<'_>) -> Option<(Spared, Spared)>,
    ) -> usize {
        let folio = self.0.as_ptr();
        if self.0.named.replace(false) {
            let reverse_map = held.unwrap_or_else(|| self.0.mapping.reverse_map());
            let _: ControlFlow<()> = reverse_map.for_each(self.0.index, |vma| {
                if let Some((pmds, ptes)) = clear(vma) {
                    self.0.clear_entries_of(vma, pmds, ptes);
                }
                ControlFlow::Continue(())
            });
            // SAFETY: The folio is locked and in the page cache; it stands in
            // for itself, as when a migration is undone. `reverse_map` is the
            // lock of its mapping.
            unsafe {
                let locked = bindings::ttu_flags_TTU_RMAP_LOCKED;
                bindings::remove_migration_ptes(folio, folio, locked);
            }
        }
        self.mapped()
    }

    /// How many page tables map the folio as one (`folio_entire_mapcount()`).
    pub(crate) fn mapped(&self) -> usize {
        // SAFETY: The folio is locked and referenced.
        unsafe { bindings::huge_mapcount(self.0.as_ptr()) as usize }
    }
}

/// Which pmds stay in a VMA where nothing is to be mapped that was not: a minor
/// event that is lost is worse than a soft-dirty bit.
fn spared_pmds(vma: &MappedVma<'_>) -> Spared {
    if vma.has_uffd_minor() {
        Spared::Nothing
    } else {
        Spared::SoftDirty
    }
}

// SAFETY: Locked until dropped, which turns the entries into mappings first; in
// the page cache all fields are set.
unsafe impl MigrationTarget for PublishedFolio<'_> {
    fn head(&self) -> NonNull<bindings::page> {
        self.0.head()
    }

    fn note_named(&self) {
        self.0.note_named();
    }
}

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
    /// The page frames are noted in `scratch`.
    pub(crate) fn new(folio: &'f PublishedFolio<'b>, scratch: &'f mut Scratch) -> Self {
        // SAFETY: The folio is referenced.
        let first = unsafe { bindings::folio_pfn(folio.0.as_ptr()) };
        for (frame, pfn) in scratch.frames.iter_mut().zip(first..) {
            *frame = pfn;
        }
        // INVARIANT: Filled in above.
        Self {
            folio,
            frames: &scratch.frames,
        }
    }
}

impl ExtentPages for HugePages<'_, '_> {
    fn frames(&self) -> &[usize] {
        self.frames
    }

    fn note_unmapped(&mut self, run: ClearedRun, vma: &MappedVma<'_>, _mlocked: bool) {
        let folio = self.folio.0.as_ptr();
        // SAFETY: The folio is locked, and `run` proves that entries of the VMA
        // that mapped these pages are gone. Some may have been dirty.
        unsafe {
            bindings::folio_mark_dirty(folio);
            for pages in run.into_stretches() {
                let nr = pages.len() as i32;
                bindings::folio_remove_rmap(folio, pages.start, nr, vma.as_ptr());
            }
        }
    }
}

impl Drop for PublishedFolio<'_> {
    fn drop(&mut self) {
        self.map_everywhere(None);
        // SAFETY: By the type invariant lock and reference are ours.
        unsafe {
            bindings::folio_unlock(self.0.as_ptr());
            bindings::folio_put(self.0.as_ptr());
        }
    }
}
