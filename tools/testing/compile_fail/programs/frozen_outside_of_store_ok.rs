// SPDX-License-Identifier: GPL-2.0
// The right way of frozen_outside_of_store.rs.

use crate::mm::sources::{
    state::Locked,
    Sources, //
};

fn look(sources: &Sources<'_, '_, Locked>) -> bool {
    sources.surplus_mapped().is_none()
}
