// SPDX-License-Identifier: GPL-2.0
// A huge page is asked of a node that no machine has.
// error: E0308
// message: mismatched types

use crate::mm::{HugeFolio, Mapping, Payer, Referenced, Sources};

fn allocates<'b>(mapping: Mapping<'b>, sources: &mut Sources<'_, 'b, Referenced>) -> bool {
    HugeFolio::new(mapping, sources, Some(1 << 20), false, Payer::Owner).is_ok()
}
