// SPDX-License-Identifier: GPL-2.0
// The right way of extent_as_two_numbers.rs.

use crate::mm::{
    backing::Mapping,
    extent::Extent,
    sources::{
        Scratch,
        Sources, //
    },
};

fn find(mapping: Mapping<'_>, scratch: &mut Scratch) -> bool {
    // The extent that page 1 belongs to.
    Sources::find(scratch, Extent::around(mapping, 1)).is_ok()
}
