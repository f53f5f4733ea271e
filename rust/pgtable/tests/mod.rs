// SPDX-License-Identifier: GPL-2.0

//! KUnit suites: the types against real page tables.

mod change;
mod entries;
mod kernel_tables;
mod lookup;
pub(crate) mod scratch;
