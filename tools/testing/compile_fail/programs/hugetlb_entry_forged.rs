// SPDX-License-Identifier: GPL-2.0
// Rules 03, 14: a number is taken for an entry of a hugetlb table, and followed.
// error: E0451
// message: field `entry` of struct `TableEntry` is private

use crate::{
    hugetlb::{
        live::{
            HugetlbVma,
            TableEntry, //
        },
        walker::Tables, //
    },
    pgtable::level::Level, //
};
use core::{marker::PhantomData, ptr::NonNull};

fn follows(vma: &HugetlbVma<'_>, addr: usize) -> bool {
    let forged = TableEntry {
        entry: NonNull::dangling(),
        level: Level::Pmd,
        addr,
        _tables: PhantomData,
    };
    vma.below(forged).is_some()
}
