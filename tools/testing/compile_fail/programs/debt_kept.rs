// SPDX-License-Identifier: GPL-2.0
// The debt of entries is kept until after their lock is dropped.
// error: lifetime
// message: lifetime may not live long enough

use crate::pgtable::cleared::{
    ClearedRun,
    MappedPages, //
};

struct Late<'t> {
    runs: Option<ClearedRun<'t, Self>>,
}

// SAFETY: None: what is wrong is that it can be written.
unsafe impl MappedPages for Late<'_> {
    fn frames(&self) -> &[usize] {
        &[]
    }

    fn settle(&mut self, run: ClearedRun<'_, Self>) {
        self.runs = Some(run);
    }
}
