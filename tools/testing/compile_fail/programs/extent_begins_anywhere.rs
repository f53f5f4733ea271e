// SPDX-License-Identifier: GPL-2.0
// An extent begins at a page that is no multiple of its size.
// error: E0451
// message: field `mapping` of struct `Extent` is private

use crate::mm::{
    backing::Mapping,
    extent::Extent,
    sources::{
        Scratch,
        Sources, //
    },
};

fn find(mapping: Mapping<'_>, scratch: &mut Scratch) -> bool {
    let extent = Extent { mapping, first: 1 };
    Sources::find(scratch, extent).is_ok()
}
