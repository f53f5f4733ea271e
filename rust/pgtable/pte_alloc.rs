// SPDX-License-Identifier: GPL-2.0

//! Accessors that allocate missing tables.
//!
//! They tell apart two reasons for a table not to be there. `Err(AllocError)` is lack of memory.
//! `Ok(None)` is a table that is gone again or a huge page, which callers handle as they do for the
//! other accessors.

use super::{
    pte_lock::PteTableGuard,
    pte_table::PteTable,
    walk::PmdSlot,
    witness::MayInstall, //
};
use crate::bindings;
use kernel::{
    alloc::AllocError,
    task::might_sleep, //
};

impl<'w, W: MayInstall> PmdSlot<'w, W> {
    /// Finds the entry for `addr` and allocates the levels above it as needed (`p4d_alloc()`,
    /// `pud_alloc()`, `pmd_alloc()`). Context: sleeps.
    ///
    /// The inner [`None`] is as for [`find`](PmdSlot::find).
    #[doc(alias = "pmd_alloc")]
    pub(crate) fn alloc(witness: &'w W, addr: usize) -> Result<Option<Self>, AllocError> {
        might_sleep();
        if !witness.addresses().contains(&addr) {
            return Ok(None);
        }
        // SAFETY: As the trait promises, the mm has users and `addr` is not past its last zap, so
        // tables may be added.
        unsafe { bindings::pmd_alloc(witness.vma().as_ptr(), addr) }
            .then(|| Self::find(witness, addr))
            .ok_or(AllocError)
    }

    /// Allocates a table if the entry is none. Context: sleeps.
    #[doc(alias = "pte_alloc")]
    pub(super) fn alloc_table(&mut self) -> Result<(), AllocError> {
        might_sleep();
        let mm = self.witness().mm().as_ptr();
        // SAFETY: The entry is there, and the witness allows a table to be added.
        unsafe { bindings::pte_alloc(mm, self.as_ptr()) }
            .then_some(())
            .ok_or(AllocError)
    }

    /// Maps the table, allocating one where the entry is none (`pte_alloc_map()`). Context: sleeps
    /// before the table is mapped.
    #[doc(alias = "pte_alloc_map")]
    pub(crate) fn alloc_map(&mut self) -> Result<Option<PteTable<'_>>, AllocError> {
        self.alloc_table()?;
        Ok(self.map())
    }

    /// Maps and locks the table, allocating one where the entry is none (`pte_alloc_map_lock()`).
    /// Context: sleeps before the table is mapped.
    #[doc(alias = "pte_alloc_map_lock")]
    pub(crate) fn alloc_map_lock(&mut self) -> Result<Option<PteTableGuard<'_, W>>, AllocError> {
        self.alloc_table()?;
        Ok(self.map_lock())
    }
}
