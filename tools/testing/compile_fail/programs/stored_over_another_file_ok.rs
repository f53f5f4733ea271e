// SPDX-License-Identifier: GPL-2.0
// The right way of stored_over_another_file.rs.

use crate::mm::exchange::copied::Copied;

fn store(copied: Copied<'_, '_>) -> bool {
    copied.store().is_ok()
}
