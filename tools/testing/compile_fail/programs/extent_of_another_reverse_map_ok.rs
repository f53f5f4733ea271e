// SPDX-License-Identifier: GPL-2.0
// The right way of extent_of_another_reverse_map.rs.

use crate::mm::reverse_map::MappedVma;

fn covers(vma: &MappedVma<'_>) -> bool {
    vma.covering().is_some()
}
