// SPDX-License-Identifier: GPL-2.0
// The right way of sources_of_another_exchange.rs.

use crate::{
    mm::exchange::unmapped::Unmapping,
    pgtable::cleared::MappedPages, //
};

fn look(pages: &Unmapping<'_, '_, '_>) -> usize {
    pages.frames().len()
}
