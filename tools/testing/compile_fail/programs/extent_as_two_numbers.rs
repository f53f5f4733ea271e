// SPDX-License-Identifier: GPL-2.0
// An extent is named by a file and an index that nobody has compared.
// error: E0061
// message: this function takes 2 arguments but 3 arguments were supplied

use crate::mm::{
    backing::Mapping,
    sources::{
        Scratch,
        Sources, //
    },
};

fn find(mapping: Mapping<'_>, scratch: &mut Scratch) -> bool {
    Sources::find(scratch, mapping, 1).is_ok()
}
