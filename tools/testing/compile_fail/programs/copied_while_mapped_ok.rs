// SPDX-License-Identifier: GPL-2.0
// The right way of copied_while_mapped.rs.

use crate::mm::exchange::gathered::Gathered;

fn copy(gathered: Gathered<'_, '_>) -> bool {
    let unmapped = gathered.unmap(|_vma, _pages| {});
    unmapped.is_ok_and(|unmapped| unmapped.copy().is_ok())
}
