// SPDX-License-Identifier: GPL-2.0
// The right way of allocation_unchecked.rs.

use crate::pgtable::{
    pte_install::NewPte,
    walk::PmdSlot, //
};
use kernel::{mm::virt::VmaRef, prelude::*};

fn poison(vma: &VmaRef, addr: usize) -> Result {
    let mut entry = PmdSlot::get_locked_pte(vma, addr)?.ok_or(EAGAIN)?;
    entry.install(NewPte::Poison)
}
