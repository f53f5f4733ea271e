// SPDX-License-Identifier: GPL-2.0

//! Installing entries where there are none.

use super::{
    entry::Pte,
    pte_index::PteIndex,
    pte_lock::PteTableGuard,
    walk::PmdSlot,
    witness::{
        MayInstall,
        Witness, //
    },
};
use crate::bindings;
use kernel::{
    alloc::AllocError,
    prelude::*, //
};

/// An entry that can be installed without a page to account: no reference, rmap or RSS belongs to
/// it.
///
/// # Examples
///
/// ```ignore
/// fn read_as_zero(vma: &VmaRef, addr: usize) -> Result {
///     let mut slot = PmdSlot::alloc(vma, addr)?.ok_or(EFAULT)?;
///     let mut table = slot.alloc_map_lock()?.ok_or(EAGAIN)?;
///     table.install(PteIndex::of(addr), NewPte::ZeroPage)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NewPte {
    /// The zero page, for reading, as after a read fault in anonymous memory.
    ZeroPage,
    /// A marker that makes the next access fail (`PTE_MARKER_POISONED`).
    Poison,
}

impl<W: MayInstall> PteTableGuard<'_, W> {
    /// Installs an entry where there is none.
    ///
    /// As the entry was none, no TLB and no secondary MMU has to be told. Returns `EEXIST` if it
    /// was not, and `EINVAL` if the address is outside the VMA or the VMA does not take such an
    /// entry.
    ///
    /// C source: `do_anonymous_page()` in [`mm/memory.c`](srctree/mm/memory.c),
    /// `mfill_atomic_pte_poison()` in
    /// [`mm/userfaultfd.c`](srctree/mm/userfaultfd.c).
    #[doc(alias = "set_pte_at")]
    pub(crate) fn install(&mut self, index: PteIndex, new: NewPte) -> Result {
        let addr = index.address(self.slot().base());
        if !self.slot().witness().addresses().contains(&addr) {
            return Err(EINVAL);
        }
        if !self.entries().read(index).is_none() {
            return Err(EEXIST);
        }
        let vma = self.slot().witness().vma().as_ptr();
        let pte = self.entries().entry(index);
        // SAFETY: The entry belongs to the locked table, translates `addr` of the witnessed VMA and
        // is none; the witness allows entries to be installed.
        let done = unsafe {
            match new {
                NewPte::ZeroPage => bindings::pte_install_zero(vma, addr, pte),
                NewPte::Poison => bindings::pte_install_poison(vma, addr, pte),
            }
        };
        done.then_some(()).ok_or(EINVAL)
    }
}

/// One entry of a locked table, as `get_locked_pte()` finds it.
///
/// # Examples
///
/// ```ignore
/// fn poison(vma: &VmaRef, addr: usize) -> Result {
///     let mut entry = PmdSlot::get_locked_pte(vma, addr)?.ok_or(EAGAIN)?;
///     entry.install(NewPte::Poison)
/// }
/// ```
pub(crate) struct PteGuard<'s, W: Witness> {
    table: PteTableGuard<'s, W>,
    index: PteIndex,
}

impl<'s, W: Witness> PteGuard<'s, W> {
    fn new(table: PteTableGuard<'s, W>, index: PteIndex) -> Self {
        Self { table, index }
    }

    /// Reads the entry.
    pub(crate) fn read(&self) -> Pte {
        self.table.entries().read(self.index)
    }
}

impl<'w, W: MayInstall> PmdSlot<'w, W> {
    /// Walks to `addr` with everything allocated, and maps and locks the entry
    /// (`get_locked_pte()`). Context: sleeps before the table is mapped.
    pub(crate) fn get_locked_pte(
        witness: &'w W,
        addr: usize,
    ) -> Result<Option<PteGuard<'w, W>>, AllocError> {
        let Some(mut slot) = Self::alloc(witness, addr)? else {
            return Ok(None);
        };
        slot.alloc_table()?;
        let index = PteIndex::of(addr);
        Ok(PteTableGuard::new(slot).map(|table| PteGuard::new(table, index)))
    }
}

impl<W: MayInstall> PteGuard<'_, W> {
    /// Installs an entry; see [`PteTableGuard::install`].
    pub(crate) fn install(&mut self, new: NewPte) -> Result {
        self.table.install(self.index, new)
    }
}
