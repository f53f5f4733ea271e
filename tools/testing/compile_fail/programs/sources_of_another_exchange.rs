// SPDX-License-Identifier: GPL-2.0
// The small folios of an exchange are swapped for those of another.
// error: E0616
// message: field `sources` of struct `Unmapping` is private

use crate::mm::{
    exchange::unmapped::Unmapping,
    sources::{
        state::Locked,
        Sources, //
    },
};

fn swap<'x, 'b>(pages: &mut Unmapping<'_, 'x, 'b>, others: &mut Sources<'x, 'b, Locked>) {
    core::mem::swap(pages.sources, others);
}
