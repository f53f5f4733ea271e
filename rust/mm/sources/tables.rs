// SPDX-License-Identifier: GPL-2.0

//! Page tables that mapped the small folios, kept for a roll back.

use crate::{
    pgtable::{
        detached::{
            DetachedTable,
            KeptTable, //
        },
        witness::Witness, //
    },
    support::failpoint::Point, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    prelude::*, //
};

/// The minimum number of tables that there is room for.
const FEW: usize = 32;

/// The most tables that are kept for an extent. What is beyond is freed at once, and cannot go
/// back.
const MOST: usize = 4096;

/// Tables that were taken out of page tables for one extent.
#[derive(Default)]
pub(super) struct Tables {
    kept: KVVec<Option<KeptTable>>,
    /// Where the next one is most likely found: they are asked for in the order of the walk.
    next: usize,
    /// How many there were to keep for some extent before.
    wanted: usize,
}

impl Tables {
    /// Makes room for `likely` tables. Context: sleeps.
    pub(super) fn reserve(&mut self, likely: usize) -> Result {
        let room = likely.max(self.wanted).clamp(FEW, MOST);
        let more = room.saturating_sub(self.kept.capacity());
        if more > 0 {
            Point::Tables.check(ENOMEM)?;
            self.kept.reserve(room, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    /// Keeps a table if it mapped anything and there is room for it. Allocates nothing.
    pub(super) fn keep<W: Witness>(&mut self, table: DetachedTable<'_, W>) {
        if table.is_of_nothing() {
            return table.free_deferred();
        }
        let wanted = self.kept.len() + 1;
        self.wanted = self.wanted.max(wanted);
        if wanted <= self.kept.capacity() && !Point::Keep.fails() {
            // Without room the table is freed, as it is below.
            let _ = self.kept.push_within_capacity(Some(table.keep()));
        } else {
            table.free_deferred();
        }
    }

    /// Takes the table that was at `base` of the address space.
    pub(super) fn take<W: Witness>(&mut self, witness: &W, base: usize) -> Option<KeptTable> {
        let is_it =
            |table: &Option<KeptTable>| table.as_ref().is_some_and(|t| t.is_of(witness, base));
        let (before, behind) = self.kept.split_at_checked(self.next)?;
        let at = match behind.iter().position(is_it) {
            Some(at) => self.next + at,
            None => before.iter().position(is_it)?,
        };
        self.next = at + 1;
        self.kept.get_mut(at)?.take()
    }

    /// Frees them all.
    pub(super) fn free(&mut self) {
        self.kept.clear();
        self.next = 0;
    }
}
