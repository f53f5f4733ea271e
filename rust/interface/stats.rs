// SPDX-License-Identifier: GPL-2.0

//! `stats/`: one file for each counter, and `reset`, which zeroes all of them.

use super::{
    grammar,
    state::Interface, //
};
use crate::{
    collapse::stats::Counter,
    support::kobject::{
        File,
        Mode,
        Page, //
    },
};
use core::iter::once;
use kernel::{
    prelude::*,
    str::CString, //
};

/// A file of the directory.
#[derive(Clone, Copy)]
pub(super) enum StatsFile {
    Counter(Counter),
    Reset,
}

impl StatsFile {
    /// Returns all files of the directory.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Iterator::chain(Counter::all().map(Self::Counter), once(Self::Reset))
    }
}

impl File for StatsFile {
    type State = Interface;

    fn name(self) -> Result<CString> {
        match self {
            Self::Counter(counter) => {
                let (class, name) = counter.name();
                CString::try_from_fmt(fmt!("{class}{name}"))
            }
            Self::Reset => Ok(CString::try_from(c"reset")?),
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::Counter(_) => Mode::ReadOnly,
            Self::Reset => Mode::WriteOnly,
        }
    }

    fn show(self, interface: &Interface, page: &mut Page<'_>) -> Result {
        match self {
            Self::Counter(counter) => {
                page.emit(fmt!("{}\n", interface.stats().figures().get(counter)));
                Ok(())
            }
            Self::Reset => Err(EIO),
        }
    }

    fn store(self, interface: &Interface, text: &[u8]) -> Result {
        match self {
            // Accepts only "1", so that a stray write does not zero the counters.
            Self::Reset if grammar::number(text)? == 1 => {
                interface.stats().reset();
                Ok(())
            }
            Self::Reset => Err(EINVAL),
            Self::Counter(_) => Err(EIO),
        }
    }
}
