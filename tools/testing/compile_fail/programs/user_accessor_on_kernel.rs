// SPDX-License-Identifier: GPL-2.0
// Rules 09, 11, 20, 22: the user accessor on kernel memory.
// error: E0277
// message: the trait bound `KernelRange<'_>: Witness` is not satisfied

use crate::pgtable::{
    kernel_own::KernelRange,
    walk::PmdSlot, //
};

fn has_entry(memory: &[u8]) -> bool {
    let range = KernelRange::of(memory);
    PmdSlot::find(&range, range.addresses().start).is_some()
}
