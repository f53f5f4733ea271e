// SPDX-License-Identifier: GPL-2.0
// Small folios are copied while processes map them and may write to them.
// error: E0599
// message: no method named `copy` found for struct `Gathered` in the current scope

use crate::mm::exchange::gathered::Gathered;

fn copy(gathered: Gathered<'_, '_>) -> bool {
    gathered.copy().is_ok()
}
