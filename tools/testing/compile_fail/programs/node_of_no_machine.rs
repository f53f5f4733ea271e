// SPDX-License-Identifier: GPL-2.0
// A huge page is asked of a node that no machine has.
// error: E0308
// message: mismatched types

use crate::mm::{
    extent::Extent,
    huge_folio::{
        HugeFolio,
        Payer, //
    },
    nodes::Nodes, //
};

fn allocates(extent: Extent<'_>) -> bool {
    HugeFolio::new(extent, &Nodes::only(1 << 20), Payer::Caller, false).is_ok()
}
