// SPDX-License-Identifier: GPL-2.0
// The lock of one file's page cache is taken to store the folio of another.
// error: E0603
// message: struct `CacheSection` is private

use crate::mm::{
    cache_section::CacheSection,
    exchange::copied::Copied,
    extent::Extent, //
};

fn store(other: Extent<'_>, copied: Copied<'_, '_>) -> bool {
    let _section = CacheSection::enter(other);
    copied.store().is_ok()
}
