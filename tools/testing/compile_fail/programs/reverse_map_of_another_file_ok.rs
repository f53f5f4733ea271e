// SPDX-License-Identifier: GPL-2.0
// The right way of reverse_map_of_another_file.rs.

use crate::mm::huge_folio::PublishedFolio;

fn map(folio: &PublishedFolio<'_>) -> usize {
    folio.map_everywhere()
}
