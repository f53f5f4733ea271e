// SPDX-License-Identifier: GPL-2.0
// Safe code names pages of its own, and lets their debts go.
// error: E0200
// message: the trait `MappedPages` requires an `unsafe impl` declaration

use crate::pgtable::cleared::{
    ClearedRun,
    MappedPages, //
};

struct Careless<'a>(&'a [usize]);

impl MappedPages for Careless<'_> {
    fn frames(&self) -> &[usize] {
        self.0
    }

    fn settle(&mut self, _run: ClearedRun<'_, Self>) {}
}
