// SPDX-License-Identifier: GPL-2.0

//! What is shared memory.

use crate::{
    machine::Geometry,
    name::Name,
    proc::{Area, Device, Proc, entry},
    sys::Window,
};
use anyhow::{Context, Result, bail};
use linux_raw_sys::general::{OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC};
use rustix::{
    fs::{
        AtFlags, FileType, MemfdFlags, Mode, OFlags, StatxFlags, fstat, fstatfs, major,
        memfd_create, minor, open, statx,
    },
    io::Errno,
};
use std::{collections::HashMap, io::ErrorKind, os::fd::AsFd, path::Path};

/// Tells shared memory from other memory.
///
/// The memory itself is asked, through `/proc/PID/map_files`. Whoever may not do
/// that has to believe what the process sees mounted.
pub(crate) struct Devices {
    proc: Proc,
    pid: i32,
    /// What memfd, System V and shared anonymous memory lie on.
    internal: Option<Device>,
    /// Types of file systems, once they are needed.
    mounts: Option<HashMap<Device, Vec<u8>>>,
    known: HashMap<(Device, u64), bool>,
    /// The memory may be asked.
    may_ask: bool,
    window: Option<Window>,
}

impl Devices {
    pub(crate) fn new(proc: Proc, pid: i32, internal: Option<Device>) -> Self {
        Self {
            proc,
            pid,
            internal,
            mounts: None,
            known: HashMap::new(),
            may_ask: true,
            window: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn set_internal(&mut self, internal: Option<Device>) {
        self.internal = internal;
    }

    pub(crate) fn is_shmem(&mut self, area: &Area<'_>) -> bool {
        // What lies on a disk has a major number.
        if area.is_anonymous() || area.device.0 != 0 {
            return false;
        }
        if self.internal == Some(area.device) {
            return true;
        }
        let key = (area.device, area.inode);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        match self.ask(area) {
            Some(answer) => {
                self.known.insert(key, answer);
                answer
            }
            None => self.mounted_as(area.device) == Some(b"tmpfs"),
        }
    }

    fn mounted_as(&mut self, device: Device) -> Option<&[u8]> {
        let (proc, pid) = (&self.proc, self.pid);
        self.mounts
            .get_or_insert_with(|| proc.mounts(pid).unwrap_or_default())
            .get(&device)
            .map(Vec::as_slice)
    }

    /// The memory's own answer; none if it has gone or may not be asked.
    fn ask(&mut self, area: &Area<'_>) -> Option<bool> {
        // A file system that is across a network, or a program, may never answer.
        const MAY_BE: [&[u8]; 4] = [b"tmpfs", b"devtmpfs", b"rootfs", b"overlay"];
        let known = self.mounted_as(area.device);
        if known.is_some_and(|known| !MAY_BE.contains(&known)) {
            return Some(false);
        }
        if !self.may_ask {
            return None;
        }
        let entry = entry(&area.addresses);
        let path = self.proc.path(self.pid, &format!("map_files/{entry}"));
        match file_kind(&path) {
            Ok(FileKind::Shmem) => Some(true),
            Ok(FileKind::Overlay) => self.is_behind_overlay(&path),
            Ok(FileKind::Other) => Some(false),
            Err(error) => {
                self.may_ask &= error != Errno::PERM;
                None
            }
        }
    }

    /// Only a mapping of shared memory can be guarded, whatever file system its
    /// file seems to be of.
    fn is_behind_overlay(&mut self, path: &Path) -> Option<bool> {
        if self.window.is_none() {
            let geometry = Geometry::of_machine().ok()?;
            self.window = Window::new(geometry.extent).ok();
        }
        let file = open(path, OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).ok()?;
        match self.window.as_mut()?.view(file, 0) {
            Ok(_) => Some(true),
            Err(error) => (error.kind() == ErrorKind::InvalidInput).then_some(false),
        }
    }
}

/// What a file's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Shmem,
    /// Those of a file that is elsewhere.
    Overlay,
    Other,
}

/// A device in a tmpfs, or in /dev, is no shared memory.
pub(crate) fn file_kind(path: &Path) -> rustix::io::Result<FileKind> {
    let file = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let mode = statx(&file, c"", flags, StatxFlags::TYPE)?.stx_mode;
    if FileType::from_raw_mode(mode.into()) != FileType::RegularFile {
        return Ok(FileKind::Other);
    }
    file_system(&file)
}

pub(crate) fn file_system(file: impl AsFd) -> rustix::io::Result<FileKind> {
    Ok(match fstatfs(file)?.f_type as u32 {
        TMPFS_MAGIC => FileKind::Shmem,
        OVERLAYFS_SUPER_MAGIC => FileKind::Overlay,
        _ => FileKind::Other,
    })
}

/// The device that memfd, System V and shared anonymous memory lie on.
pub(crate) fn internal_device() -> Option<Device> {
    let file = memfd_create("shmem-collapse", MemfdFlags::CLOEXEC).ok()?;
    device_and_inode(&file).ok().map(|(device, _)| device)
}

pub(crate) fn device_and_inode(file: impl AsFd) -> rustix::io::Result<(Device, u64)> {
    let stat = fstat(file)?;
    Ok(((major(stat.st_dev), minor(stat.st_dev)), stat.st_ino))
}

/// Whether the file lies in a tmpfs.
pub(crate) fn is_tmpfs(path: &Path) -> rustix::io::Result<bool> {
    let file = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    Ok(file_system(file)? == FileKind::Shmem)
}

/// Fails with what to do unless the file at `path` is shared memory.
pub(crate) fn check_file(path: &Path) -> Result<()> {
    let shown = Name::from(path);
    let metadata = std::fs::metadata(path).with_context(|| format!("{shown} cannot be used"))?;
    if !metadata.is_file() {
        bail!("{shown} is no regular file: name a file in a tmpfs");
    }
    if !is_tmpfs(path).with_context(|| format!("{shown} cannot be used"))? {
        bail!(
            "{shown} is not in a tmpfs, so it is not shared memory: name a file in /dev/shm or \
             another tmpfs mount, or a memfd by /proc/PID/fd/NUMBER \
             (of an overlay, name the file in the tmpfs below)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    #[test]
    fn a_file_may_have_any_name() {
        let path = Path::new(OsStr::from_bytes(b"/nonexistent/\x1b[2Jcaf\xe9"));
        let error = check_file(path).unwrap_err().to_string();
        assert!(
            error.starts_with(r"/nonexistent/\x1b[2Jcaf\xe9 cannot"),
            "{error}"
        );
    }
}
