// SPDX-License-Identifier: GPL-2.0
// References are frozen outside of the page cache's lock, so that lookups spin for long.
// error: E0624
// message: method `freeze` is private

use crate::mm::sources::{
    state::Locked,
    Sources, //
};

fn freeze(sources: Sources<'_, '_, Locked>) -> bool {
    sources.freeze().is_ok()
}
