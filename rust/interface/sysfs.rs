// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/mm/shmem_collapse`: requests, knobs and statistics.

#[cfg(CONFIG_HUGETLB_PAGE)]
use super::hugetlb::{
    Probe,
    ProbeFile, //
};
use super::{
    device::{
        self,
        Device, //
    },
    grammar,
    knobs::{
        Knob,
        Knobs, //
    },
    stats::StatsFile, //
};
use crate::{
    collapse::{
        config::Config,
        engine::Engine,
        stats::Stats,
        stay::Stay, //
    },
    support::{
        kobject::{
            Directory,
            File,
            Mode,
            Page,
            Parent, //
        },
        machine, //
    },
};
use core::iter::once;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// Bytes that a request may have.
pub(super) const LONGEST_REQUEST: usize = PAGE_SIZE - 1;

/// What the files and the device act on.
pub(crate) struct Interface {
    engine: Arc<Engine>,
    knobs: Knobs,
    #[cfg(CONFIG_HUGETLB_PAGE)]
    hugetlb: Probe,
}

impl Interface {
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn stats(&self) -> &Stats {
        self.engine.stats()
    }

    /// The knobs as a request takes them.
    pub(super) fn config(&self) -> Config {
        self.knobs.config()
    }

    /// Carries out the request in `text`, which `own` counts for itself.
    pub(super) fn carry_out(&self, text: &[u8], stay: &Stay<'_>, own: Option<&Stats>) -> Result {
        let mut path = KVec::new();
        let request = grammar::request(text, &mut path)?;
        request.run(&self.config(), stay, own)
    }

    fn collapse(&self, text: &[u8]) -> Result {
        if !machine::capable_sys_admin() {
            return Err(EPERM);
        }
        // sysfs hands over the first page of a longer write, so a full page may be cut.
        if text.len() > LONGEST_REQUEST {
            return Err(E2BIG);
        }
        let current = current!();
        let stay = Stay::begin(&self.engine, self.engine.restarts(), current);
        self.carry_out(text, &stay, None)
    }
}

/// A file of the directory itself.
#[derive(Clone, Copy)]
enum ControlFile {
    Collapse,
    Knob(Knob),
    #[cfg(CONFIG_HUGETLB_PAGE)]
    Hugetlb(ProbeFile),
}

impl ControlFile {
    fn all() -> impl Iterator<Item = Self> {
        let files = Iterator::chain(once(Self::Collapse), Knob::ALL.into_iter().map(Self::Knob));
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
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(file) => CString::try_from_fmt(fmt!("{}", file.name())),
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::Collapse => Mode::WriteOnly,
            Self::Knob(_) => Mode::ReadWrite,
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(file) => file.mode(),
        }
    }

    fn show(self, interface: &Interface, page: &mut Page<'_>) -> Result {
        match self {
            Self::Collapse => Err(EIO),
            Self::Knob(knob) => {
                page.emit(fmt!("{}\n", interface.knobs.get(knob)));
                Ok(())
            }
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(_) => interface.hugetlb.show(page),
        }
    }

    fn store(self, interface: &Interface, text: &[u8]) -> Result {
        match self {
            Self::Collapse => interface.collapse(text),
            Self::Knob(knob) => interface.knobs.set(knob, text),
            #[cfg(CONFIG_HUGETLB_PAGE)]
            Self::Hugetlb(_) => interface.hugetlb.store(text),
        }
    }
}

/// The directory with everything in it, for as long as this value lives.
pub(crate) struct Sysfs {
    interface: Arc<Interface>,
    _stats: Directory<StatsFile>,
    _control: Directory<ControlFile>,
}

impl Sysfs {
    /// Makes the directory. Requests may arrive before this returns.
    pub(crate) fn new(engine: Arc<Engine>) -> Result<Self> {
        let interface = Interface {
            engine,
            knobs: Knobs::new(),
            #[cfg(CONFIG_HUGETLB_PAGE)]
            hugetlb: Probe::new()?,
        };
        let interface = Arc::new(interface, GFP_KERNEL)?;
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

    /// Makes the device that shares knobs and statistics with the files.
    pub(crate) fn device(&self) -> impl PinInit<Device, Error> {
        device::new(self.interface.clone())
    }
}

impl Drop for Sysfs {
    fn drop(&mut self) {
        // Removing the directories waits for running requests; this makes them end soon.
        self.interface.engine.stop();
    }
}
