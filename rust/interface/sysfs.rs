// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/mm/shmem_collapse`: requests, knobs and statistics.

use super::{
    knobs::Knob,
    state::{
        Interface,
        LONGEST_REQUEST, //
    },
    stats::StatsFile, //
};
use crate::{
    collapse::stay::Stay,
    support::{
        kobject::{
            Directory,
            File,
            Mode,
            Page,
            Parent, //
        },
        linked::Linked,
        machine, //
    },
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// A file in the top directory.
#[derive(Clone, Copy)]
enum ControlFile {
    Collapse,
    Reap,
    Knob(Knob),
    Linked,
}

impl ControlFile {
    fn all() -> impl Iterator<Item = Self> {
        let files = [Self::Collapse, Self::Reap, Self::Linked].into_iter();
        Iterator::chain(files, Knob::ALL.into_iter().map(Self::Knob))
    }
}

impl File for ControlFile {
    type State = Interface;

    fn name(self) -> Result<CString> {
        match self {
            Self::Collapse => Ok(CString::try_from(c"collapse")?),
            Self::Reap => Ok(CString::try_from(c"reap")?),
            Self::Knob(knob) => CString::try_from_fmt(fmt!("{}", knob.name())),
            Self::Linked => Ok(CString::try_from(c"linked")?),
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::Collapse | Self::Reap => Mode::WriteOnly,
            Self::Knob(_) => Mode::ReadWrite,
            Self::Linked => Mode::ReadOnly,
        }
    }

    fn show(self, interface: &Interface, page: &mut Page<'_>) -> Result {
        match self {
            Self::Collapse | Self::Reap => Err(EIO),
            Self::Knob(knob) => {
                page.emit(fmt!("{}\n", interface.knobs().get(knob)));
                Ok(())
            }
            Self::Linked => {
                page.emit(fmt!("{}\n", Linked::check()?.name()));
                Ok(())
            }
        }
    }

    fn store(self, interface: &Interface, text: &[u8]) -> Result {
        match self {
            Self::Collapse => request(interface, text, |stay| {
                interface.carry_out(text, stay, None)
            }),
            Self::Reap => request(interface, text, |stay| interface.reap(text, stay)),
            Self::Knob(knob) => interface.knobs().set(knob, text),
            Self::Linked => Err(EIO),
        }
    }
}

/// Carries out the request that was written to one of the files, if it may be.
fn request(
    interface: &Interface,
    text: &[u8],
    carry_out: impl FnOnce(&Stay<'_>) -> Result,
) -> Result {
    if !machine::capable_sys_admin() {
        return Err(EPERM);
    }
    // sysfs passes the first page of a longer write, so a full page may be truncated.
    if text.len() > LONGEST_REQUEST {
        return Err(E2BIG);
    }
    let engine = interface.engine();
    let current = current!();
    let stay = Stay::begin(engine, engine.restarts(), current);
    carry_out(&stay)
}

/// The directory with all its files. Dropping it removes them.
pub(crate) struct Sysfs {
    interface: Arc<Interface>,
    _stats: Directory<StatsFile>,
    _control: Directory<ControlFile>,
}

impl Sysfs {
    /// Creates the directory. Requests may arrive before this returns.
    pub(crate) fn new(interface: Arc<Interface>) -> Result<Self> {
        let control = Directory::new(
            c"shmem_collapse",
            Parent::mm()?,
            ControlFile::all(),
            &interface,
        )?;
        let stats = Directory::new(c"stats", control.as_parent(), StatsFile::all(), &interface)?;
        Ok(Self {
            interface,
            _stats: stats,
            _control: control,
        })
    }
}

impl Drop for Sysfs {
    fn drop(&mut self) {
        // Removing the directories waits for running requests. This makes them end soon.
        self.interface.engine().stop();
    }
}
