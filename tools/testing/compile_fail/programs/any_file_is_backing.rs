// SPDX-License-Identifier: GPL-2.0
// A file of any file system is worked on as if it were shmem's.
// error: E0423
// message: cannot initialize a tuple struct which contains private fields

use crate::mm::backing::Backing;
use kernel::{fs::LocalFile, prelude::*};

fn is_frozen(fd: u32) -> Result<bool> {
    let backing = Backing(LocalFile::fget(fd)?);
    Ok(backing.mapping().is_frozen())
}
