// SPDX-License-Identifier: GPL-2.0
// The pages of one file pay for entries that mapped those of another.
// error: E0308
// message: mismatched types

use crate::{
    mm::huge_folio::HugePages,
    pgtable::cleared::{
        ClearedRun,
        MappedPages, //
    },
};

struct Lie<'a, 'f, 'b> {
    frames: &'a [usize],
    victim: HugePages<'f, 'b>,
}

// SAFETY: None: what is wrong is that it can be written.
unsafe impl MappedPages for Lie<'_, '_, '_> {
    fn frames(&self) -> &[usize] {
        self.frames
    }

    fn settle(&mut self, run: ClearedRun<'_, Self>) {
        self.victim.settle(run);
    }
}
