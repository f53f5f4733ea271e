// SPDX-License-Identifier: GPL-2.0
// The right way of kernel_tables_unlocked.rs.

use crate::pgtable::kernel_table::KernelTables;

fn lock() -> KernelTables {
    KernelTables::lock()
}
