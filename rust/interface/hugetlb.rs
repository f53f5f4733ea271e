// SPDX-License-Identifier: GPL-2.0

//! `hugetlb_probe`: shows the page-table entry of a hugetlb page of a process.

use super::grammar;
use crate::{
    hugetlb::{
        geometry::Place,
        live::{
            HugePte,
            HugetlbVma, //
        },
    },
    mm::process::Process,
    pgtable::entry::PteKind,
    support::{
        kobject::{
            Mode,
            Page, //
        },
        machine, //
    },
};
use kernel::{
    prelude::*,
    sync::Mutex, //
};

/// The two files.
#[derive(Clone, Copy)]
pub(super) enum ProbeFile {
    Probe,
    Result,
}

impl ProbeFile {
    pub(super) const ALL: [Self; 2] = [Self::Probe, Self::Result];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Probe => "hugetlb_probe",
            Self::Result => "hugetlb_probe_result",
        }
    }

    pub(super) fn mode(self) -> Mode {
        match self {
            Self::Probe => Mode::WriteOnly,
            Self::Result => Mode::ReadOnly,
        }
    }
}

/// The result of a probe.
#[derive(Clone, Copy)]
struct Found {
    place: Place,
    size: usize,
    entry: HugePte,
}

/// The result of the last probe.
pub(super) struct Probe(Pin<KBox<Mutex<Option<Found>>>>);

impl Probe {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(KBox::pin_init(
            kernel::new_mutex!(None, "shmem_collapse_hugetlb_probe"),
            GFP_KERNEL,
        )?))
    }

    /// Carries out the request `PID,ADDR`. An error discards the last result.
    pub(super) fn store(&self, text: &[u8]) -> Result {
        if !machine::capable_sys_admin() {
            return Err(EPERM);
        }
        let found = probe(text);
        *self.0.lock() = found.as_ref().ok().copied();
        found.map(|_| ())
    }

    /// Writes the last result. Physical addresses are zero for readers who may not see them in
    /// `/proc/PID/pagemap`.
    pub(super) fn show(&self, page: &mut Page<'_>) -> Result {
        let found = self.0.lock().ok_or(ENODATA)?;
        let (kind, frame) = match found.entry.value.kind() {
            PteKind::None => ("none", 0),
            PteKind::Page(frame) | PteKind::Special(frame) => ("page", frame),
            PteKind::Migration(frame) => ("migration", frame),
            PteKind::Swap | PteKind::Marker | PteKind::Other => ("other", 0),
        };
        let (frame, raw) = if machine::capable_sys_admin() {
            (frame, found.entry.raw)
        } else {
            (0, 0)
        };
        let Found { place, size, .. } = found;
        let (level, entries) = (place.level.name(), place.entries);
        page.emit(fmt!(
            "level={level} size={size} entries={entries} kind={kind} "
        ));
        page.emit(fmt!("pfn={frame:#x} raw={raw:#x}\n"));
        Ok(())
    }
}

/// Reads the entry that `text` names.
fn probe(text: &[u8]) -> Result<Found> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let comma = text.iter().position(|&byte| byte == b',').ok_or(EINVAL)?;
    let pid = grammar::number(&text[..comma])?;
    let addr = usize::try_from(grammar::number(&text[comma + 1..])?)?;
    let process = Process::open(i32::try_from(pid)?)?;
    let looked = process.look(addr, |vma| {
        let vma = HugetlbVma::lock(vma.vma()).ok_or(EINVAL)?;
        let place = vma.place().ok_or(EOPNOTSUPP)?;
        let entry = vma.find(addr).ok_or(ENOENT)?.read();
        if !vma.kernel_agrees(addr) {
            return Err(EUCLEAN);
        }
        Ok(Found {
            place,
            size: vma.page_size(),
            entry,
        })
    });
    match looked {
        Some(found) => found,
        // There is no mapping, or its lock is held for writing.
        None => match process.next_range(addr) {
            Some(range) if range.contains(&addr) => Err(EAGAIN),
            _ => Err(EFAULT),
        },
    }
}
