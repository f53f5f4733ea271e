// SPDX-License-Identifier: GPL-2.0
// The charge for the holes is kept, though no page was stored for it.
// error: E0624
// message: method `keep` is private

use crate::mm::block_charge::BlockCharge;

fn keep(charge: BlockCharge<'_>) -> usize {
    charge.keep()
}
