// SPDX-License-Identifier: GPL-2.0

//! The exchange of an extent's small folios for a huge one, step by step.
//!
//! Each step is a value that only the step before it makes. What it has proven is in its
//! invariants, so that the store into the page cache, which nothing can take back, relies on no
//! caller:
//!
//! ```text
//! Gathered   small folios locked, huge folio and space at hand, all of one extent
//! Unmapped   no process maps the small folios, nobody else refers to them
//! Copied     the huge folio has their contents
//! Committed  the page cache has the huge folio; what is left is to map it
//! ```
//!
//! Dropping a value rolls back what was done. When to try, how often, and what becomes of a failure
//! is for the caller to say.

pub(crate) mod copied;
pub(crate) mod gathered;
pub(crate) mod store;
#[cfg(CONFIG_KUNIT = "y")]
mod tests;
pub(crate) mod unmapped;
