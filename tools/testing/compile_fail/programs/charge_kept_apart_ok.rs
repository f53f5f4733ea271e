// SPDX-License-Identifier: GPL-2.0
// The right way of charge_kept_apart.rs.

use crate::mm::block_charge::BlockCharge;

fn give_back(charge: BlockCharge<'_>) {
    drop(charge);
}
