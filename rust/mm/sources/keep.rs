// SPDX-License-Identifier: GPL-2.0

//! What a roll back needs: the tables that mapped the folios, and the pages.

use super::{
    state::{
        Locked,
        Referenced, //
    },
    Sources, //
};
use crate::{
    bindings,
    pgtable::{
        detached::{
            DetachedTable,
            KeptTable, //
        },
        migration::OldPages,
        pmd_size::pmd_pages,
        witness::Witness, //
    },
};
use kernel::prelude::*;

impl Sources<'_, '_, Referenced> {
    /// Makes room for the tables that map the folios, as far as can be told how many that are.
    /// Context: sleeps; no folio is locked.
    pub(crate) fn reserve_tables(&mut self) -> Result {
        let pages = pmd_pages();
        let some = [0, pages / 3, pages / 2, pages - 1];
        // SAFETY: Referenced, by the type invariant.
        let mappings = |folio| unsafe { bindings::folio_mapcount(folio) as usize };
        let most = some
            .into_iter()
            .filter_map(|at| self.folio_around(at))
            .map(|(folio, _)| mappings(folio))
            .max();
        self.scratch.tables.reserve(most.unwrap_or(0))
    }
}

impl Sources<'_, '_, Locked> {
    /// Keeps a table that mapped the folios and was taken out.
    pub(in crate::mm) fn keep_table<W: Witness>(&mut self, table: DetachedTable<'_, W>) {
        self.scratch.tables.keep(table);
    }

    /// Takes the table that was taken out of this place.
    pub(in crate::mm) fn take_table<W: Witness>(
        &mut self,
        witness: &W,
        base: usize,
    ) -> Option<KeptTable> {
        self.scratch.tables.take(witness, base)
    }
}

// SAFETY: By the type invariant the folios are locked, and the page cache has them at these
// indices; all other frames are holes.
unsafe impl OldPages for Sources<'_, '_, Locked> {
    fn frames(&self) -> &[usize] {
        &self.scratch.frames
    }
}
