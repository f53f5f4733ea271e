// SPDX-License-Identifier: GPL-2.0
// The right way of stored_uncopied.rs.

use crate::mm::exchange::unmapped::Unmapped;

fn store(unmapped: Unmapped<'_, '_>) -> bool {
    unmapped.copy().is_ok_and(|copied| copied.store().is_ok())
}
