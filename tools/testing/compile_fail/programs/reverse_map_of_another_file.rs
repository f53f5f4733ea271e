// SPDX-License-Identifier: GPL-2.0
// A folio is mapped under the reverse map of any file.
// error: E0061
// message: this method takes 0 arguments but 1 argument was supplied

use crate::mm::{
    extent::Extent,
    huge_folio::PublishedFolio, //
};

fn map(folio: &PublishedFolio<'_>, other: Extent<'_>) -> usize {
    folio.map_everywhere(Some(other.reverse_map()))
}
