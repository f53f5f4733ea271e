// SPDX-License-Identifier: GPL-2.0
// The right way of any_file_is_backing.rs.

use crate::mm::backing::Backing;
use kernel::{prelude::*, str::CStr};

fn is_frozen(path: &CStr) -> Result<bool> {
    let backing = Backing::from_path(path)?;
    Ok(backing.mapping().is_frozen())
}
