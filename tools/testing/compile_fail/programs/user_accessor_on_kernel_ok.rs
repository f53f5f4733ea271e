// SPDX-License-Identifier: GPL-2.0
// The right way of user_accessor_on_kernel.rs.

use crate::pgtable::{
    kernel_own::KernelRange,
    kernel_table::KernelTables, //
};

fn has_entry(memory: &[u8]) -> bool {
    let range = KernelRange::of(memory);
    KernelTables::lock()
        .find(&range, range.addresses().start)
        .is_some()
}
