// SPDX-License-Identifier: GPL-2.0
// A huge folio that nobody has copied into is stored in the page cache.
// error: E0599
// message: no method named `store` found for struct `Unmapped` in the current scope

use crate::mm::exchange::unmapped::Unmapped;

fn store(unmapped: Unmapped<'_, '_>) -> bool {
    unmapped.store().is_ok()
}
