// SPDX-License-Identifier: GPL-2.0
// Rule 21: get_locked_pte() is taken to succeed.
// error: E0599
// message: no method named `install` found for enum `core::result::Result` in the current scope

use crate::pgtable::{
    pte_install::NewPte,
    walk::PmdSlot, //
};
use kernel::{mm::virt::VmaRef, prelude::*};

fn poison(vma: &VmaRef, addr: usize) -> Result {
    PmdSlot::get_locked_pte(vma, addr).install(NewPte::Poison)
}
