// SPDX-License-Identifier: GPL-2.0

//! Putting entries where there are none.

use super::{
    LockedPte,
    LockedPteMap,
    MayInstall,
    PteIndex, //
};
use crate::bindings;
use kernel::prelude::*;

/// An entry that can be installed without a page to account: no reference,
/// rmap or RSS belongs to it.
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

impl<W: MayInstall> LockedPteMap<'_, W> {
    /// Puts an entry into an empty place.
    ///
    /// Nothing was there, so no TLB and no secondary MMU has to be told.
    /// `EEXIST`: something is there. `EINVAL`: the address is outside the VMA, or
    /// the VMA does not take such an entry.
    ///
    /// C source: `do_anonymous_page()` in [`mm/memory.c`](srctree/mm/memory.c),
    /// `mfill_atomic_pte_poison()` in
    /// [`mm/userfaultfd.c`](srctree/mm/userfaultfd.c).
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
        // SAFETY: The entry belongs to the locked table, translates `addr` of
        // the witnessed VMA and is empty; the witness allows to install.
        let done = unsafe {
            match new {
                NewPte::ZeroPage => bindings::pte_install_zero(vma, addr, pte),
                NewPte::Poison => bindings::pte_install_poison(vma, addr, pte),
            }
        };
        done.then_some(()).ok_or(EINVAL)
    }
}

impl<W: MayInstall> LockedPte<'_, W> {
    /// Puts an entry there; see [`LockedPteMap::install`].
    pub(crate) fn install(&mut self, new: NewPte) -> Result {
        self.table.install(self.index, new)
    }
}
