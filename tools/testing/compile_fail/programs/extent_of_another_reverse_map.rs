// SPDX-License-Identifier: GPL-2.0
// The VMAs of one extent are asked for their addresses of another.
// error: E0061
// message: this method takes 0 arguments but 1 argument was supplied

use crate::mm::{
    extent::Extent,
    reverse_map::MappedVma, //
};

fn covers(vma: &MappedVma<'_>, other: Extent<'_>) -> bool {
    vma.covering(other).is_some()
}
