// SPDX-License-Identifier: GPL-2.0
// Somebody claims that entries are gone.
// error: E0451
// message: field `first` of struct `ClearedRun` is private

use crate::{
    mm::huge_folio::HugePages,
    pgtable::cleared::{
        ClearedRun,
        MappedPages, //
    },
};

fn forge<'f, 'b>(pages: &mut HugePages<'f, 'b>, run: ClearedRun<'_, HugePages<'f, 'b>>) {
    pages.settle(ClearedRun { first: 0, ..run });
}
