// SPDX-License-Identifier: GPL-2.0

//! One walk for every geometry.

use super::{
    Geometry,
    Layout, //
};
use crate::pgtable::Level;

/// Tables to walk in.
pub(crate) trait Tables {
    /// Where an entry is.
    type Entry;

    /// The entry of the top table for `addr`.
    fn top(&self, addr: usize) -> Self::Entry;

    /// The entry for `addr` in the table that an entry of `level` points to;
    /// [`None`] if it points to none.
    fn below(&self, level: Level, entry: &Self::Entry, addr: usize) -> Option<Self::Entry>;
}

/// Finds the first entry of the hugetlb page of `size` around `addr`.
///
/// The entry itself may say anything: that a page is there, that none is, that
/// one migrates. [`None`] when a table on the way is missing or the geometry has
/// no such size.
///
/// # Examples
///
/// ```ignore
/// fn find<T: Tables>(tables: &T, layout: &Layout, addr: usize) -> Option<T::Entry> {
///     walk::<arch::Native, _>(tables, layout, 2 << 20, addr)
/// }
/// ```
pub(crate) fn walk<G: Geometry, T: Tables>(
    tables: &T,
    layout: &Layout,
    size: usize,
    addr: usize,
) -> Option<T::Entry> {
    let place = G::place(layout, size)?;
    let addr = G::table_address(layout, size, addr);
    let mut entry = tables.top(addr);
    let mut level = Level::Pgd;
    while level > place.level {
        entry = tables.below(level, &entry, addr)?;
        level = level.below()?;
    }
    Some(entry)
}
