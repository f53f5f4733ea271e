// SPDX-License-Identifier: GPL-2.0
// The right way of extent_begins_anywhere.rs.

use crate::mm::{
    backing::Mapping,
    extent::Extent,
    sources::{
        Scratch,
        Sources, //
    },
};

fn find(mapping: Mapping<'_>, scratch: &mut Scratch) -> bool {
    // `None`: no extent begins there.
    Extent::new(mapping, 1).is_some_and(|extent| Sources::find(scratch, extent).is_ok())
}
