// SPDX-License-Identifier: GPL-2.0
// The right way of forged_witness.rs.

use crate::{
    bindings,
    pgtable::witness::Witness, //
};
use core::ptr::NonNull;
use kernel::mm::virt::VmaRef;

struct Locked<'v>(&'v VmaRef);

// SAFETY: The reference is itself a witness.
unsafe impl Witness for Locked<'_> {
    fn vma(&self) -> NonNull<bindings::vm_area_struct> {
        self.0.vma()
    }
}
