// SPDX-License-Identifier: GPL-2.0

//! One walk for every geometry.

use super::geometry::{
    Geometry,
    Layout, //
};
use crate::pgtable::level::Level;

/// Tables that can be walked, from the top.
///
/// An entry knows its level, its address and whose it is. What a caller passes is an entry that
/// these tables gave out, so there is nothing else that could be followed.
pub(crate) trait Tables {
    /// The place of an entry, which the tables keep while it is borrowed.
    type Entry<'t>
    where
        Self: 't;

    /// Returns the entry of the top table for `addr`; [`None`] where the tables have nothing to
    /// say about it.
    fn top(&self, addr: usize) -> Option<Self::Entry<'_>>;

    /// Returns the entry for the same address in the table that `entry` points to; [`None`] if it
    /// points to none.
    fn below<'t>(&'t self, entry: Self::Entry<'t>) -> Option<Self::Entry<'t>>;
}

/// Finds the first entry of the hugetlb page of `size` around `addr`.
///
/// The entry itself may say anything: that a page is there, that none is, that one migrates.
/// Returns [`None`] when a table on the way is missing or the geometry has no such size.
///
/// # Examples
///
/// ```ignore
/// fn find<'t, T: Tables>(
///     tables: &'t T,
///     layout: &Layout,
///     addr: usize,
/// ) -> Option<T::Entry<'t>> {
///     walk::<arch::Native, _>(tables, layout, 2 << 20, addr)
/// }
/// ```
pub(crate) fn walk<'t, G: Geometry, T: Tables>(
    tables: &'t T,
    layout: &Layout,
    size: usize,
    addr: usize,
) -> Option<T::Entry<'t>> {
    descend::<G, T>(tables, layout, size, addr)?.1
}

/// Returns the lowest level of which there is an entry for `addr`, down to that of the pages of
/// `size`.
pub(crate) fn depth<G: Geometry, T: Tables>(
    tables: &T,
    layout: &Layout,
    size: usize,
    addr: usize,
) -> Option<Level> {
    descend::<G, T>(tables, layout, size, addr).map(|(level, _)| level)
}

/// Goes down as far as there are tables, and no further than to the level of pages of `size`;
/// returns the level that was reached, and the entry if it is that of the pages.
fn descend<'t, G: Geometry, T: Tables>(
    tables: &'t T,
    layout: &Layout,
    size: usize,
    addr: usize,
) -> Option<(Level, Option<T::Entry<'t>>)> {
    let place = G::place(layout, size)?;
    let mut entry = tables.top(G::table_address(layout, size, addr))?;
    let mut level = Level::Pgd;
    while level > place.level {
        match tables.below(entry) {
            Some(below) => entry = below,
            None => return Some((level, None)),
        }
        level = level.below()?;
    }
    Some((level, Some(entry)))
}
