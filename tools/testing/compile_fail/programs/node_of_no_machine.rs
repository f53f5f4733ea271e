// SPDX-License-Identifier: GPL-2.0
// A huge page is asked of a node that no machine has.
// error: E0308
// message: mismatched types

use crate::mm::{
    backing::Mapping,
    huge_folio::{
        HugeFolio,
        Payer, //
    },
    nodes::Nodes, //
};

fn allocates(mapping: Mapping<'_>) -> bool {
    HugeFolio::new(mapping, 0, &Nodes::only(1 << 20), Payer::Caller, false).is_ok()
}
