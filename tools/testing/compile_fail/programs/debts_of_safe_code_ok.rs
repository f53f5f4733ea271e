// SPDX-License-Identifier: GPL-2.0
// The right way of debts_of_safe_code.rs.

use crate::{
    mm::{
        huge_folio::{
            HugePages,
            PublishedFolio, //
        },
        sources::Scratch,
    },
    pgtable::cleared::MappedPages, //
};

fn frames_of_a_folio(folio: &PublishedFolio<'_>, scratch: &mut Scratch) -> usize {
    HugePages::new(folio, scratch).frames().len()
}
