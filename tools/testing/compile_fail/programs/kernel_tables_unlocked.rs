// SPDX-License-Identifier: GPL-2.0
// Rule 20: the kernel's tables are locked and unlocked in one statement.
// error: unused_must_use
// message: unused `KernelTables` that must be used

use crate::pgtable::kernel_table::KernelTables;

fn lock() {
    KernelTables::lock();
}
