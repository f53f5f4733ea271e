// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/mm/shmem_collapse`: requests, knobs and statistics.

#[cfg(CONFIG_HUGETLB_PAGE)]
use super::hugetlb::ProbeFile;
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
    Knob(Knob),
    Linked,
    #[cfg(CONFIG_HUGETLB_PAGE)]
    Hugetlb(ProbeFile),
}

impl ControlFile {
    fn all() -> impl Iterator<Item = Self> {
        let files = [Self::Collapse, Self::Linked].into_iter();
        let files = Iterator::chain(files, Knob::ALL.into_iter().map(Self::Knob));
        #[cfg(CONFIG_HUGETLB_PAGE)]
        let files = Iterator::chain(files, ProbeFile::ALL.into_iter().map(Self::Hugetlb));
        files
    }
}

impl File for ControlFile {
    type State = Interface;

    fn name(self) -> Result<CString> {
        match self {
            Self::Collapse => Ok(CString::try_from(c"collapse")?),
            Self::Knob(knob) => CString::try_from_fmt(fmt!("{}", knob.name())),
            Self::Linked => Ok(CString::try_from(c"linked")?),
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(file) => CString::try_from_fmt(fmt!("{}", file.name())),
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::Collapse => Mode::WriteOnly,
            Self::Knob(_) => Mode::ReadWrite,
            Self::Linked => Mode::ReadOnly,
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(file) => file.mode(),
        }
    }

    fn show(self, interface: &Interface, page: &mut Page<'_>) -> Result {
        match self {
            Self::Collapse => Err(EIO),
            Self::Knob(knob) => {
                page.emit(fmt!("{}\n", interface.knobs().get(knob)));
                Ok(())
            }
            Self::Linked => {
                page.emit(fmt!("{}\n", Linked::check()?.name()));
                Ok(())
            }
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(_) => interface.hugetlb().show(page),
        }
    }

    fn store(self, interface: &Interface, text: &[u8]) -> Result {
        match self {
            Self::Collapse => collapse(interface, text),
            Self::Knob(knob) => interface.knobs().set(knob, text),
            Self::Linked => Err(EIO),
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(_) => interface.hugetlb().store(text),
        }
    }
}

/// Carries out the request that was written to `collapse`.
fn collapse(interface: &Interface, text: &[u8]) -> Result {
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
    interface.carry_out(text, &stay, None)
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
