// SPDX-License-Identifier: GPL-2.0

//! The text of an answer, which does not grow without bound.

use crate::support::{
    caller::Caller,
    task::cond_resched, //
};
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    prelude::*, //
};

/// Where an answer ends, in bytes.
const LONGEST: usize = 1 << 20;

/// What is left for the last lines.
const RESERVE: usize = 4096;

/// An answer that is being written.
pub(crate) struct Report<'c> {
    text: VVec<u8>,
    caller: Caller<'c>,
}

impl<'c> Report<'c> {
    /// Begins an answer to the caller.
    pub(crate) fn new(caller: Caller<'c>) -> Self {
        Self {
            text: VVec::new(),
            caller,
        }
    }

    /// Returns whether another line of the body has room.
    pub(super) fn has_room(&self) -> bool {
        self.text.len() < LONGEST - RESERVE
    }

    /// Writes a line that `write` has the text of.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Self) -> fmt::Result) -> Result {
        write(self)
            .and_then(|()| self.write_str("\n"))
            .map_err(|_| ENOMEM)
    }

    /// Lets others run between two steps of a walk. Context: sleeps.
    ///
    /// The error is for the way out of the system call, which is made again if no handler runs.
    pub(super) fn rest(&self) -> Result {
        cond_resched();
        if self.caller.signal_pending() {
            return Err(ERESTARTSYS);
        }
        Ok(())
    }

    /// Returns the text.
    pub(crate) fn into_text(self) -> VVec<u8> {
        self.text
    }
}

impl Write for Report<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text
            .extend_from_slice(text.as_bytes(), GFP_KERNEL_ACCOUNT)
            .map_err(|_| fmt::Error)
    }
}
