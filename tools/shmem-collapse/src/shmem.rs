// SPDX-License-Identifier: GPL-2.0

//! Which mappings of a process are shared memory.

use crate::machine::Geometry;
use anyhow::{Context, Result, bail};
use procfs::{
    ProcError,
    process::{MMPermissions, MMapPath, MemoryMap, MountInfo, Process},
};
use rustix::fs::{MemfdFlags, fstat, major, memfd_create, minor, statfs};
use std::{
    collections::HashMap,
    fmt::Write as _,
    ops::Range,
    path::{Path, PathBuf},
};

/// Number of a device: what a file lies on.
type Device = (i32, i32);

/// Addresses that show one file without a gap. The kernel may have several
/// mappings there, with different protections for instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) addresses: Range<u64>,
    /// Where in the file it begins, in bytes.
    pub(crate) offset: u64,
    pub(crate) device: Device,
    pub(crate) inode: u64,
    /// The file's name as /proc/PID/maps has it.
    pub(crate) name: String,
    pub(crate) permissions: String,
    /// Entry in `/proc/PID/map_files` of its first part.
    pub(crate) map_file: String,
}

impl Mapping {
    fn new(map: &MemoryMap) -> Self {
        let (start, end) = map.address;
        Self {
            addresses: start..end,
            offset: map.offset,
            device: map.dev,
            inode: map.inode,
            name: name(&map.pathname),
            permissions: permissions(map.perms),
            map_file: format!("{start:x}-{end:x}"),
        }
    }

    fn continues(&self, before: &Self) -> bool {
        before.addresses.end == self.addresses.start
            && (before.device, before.inode) == (self.device, self.inode)
            && before.offset + (before.addresses.end - before.addresses.start) == self.offset
    }

    /// Can huge pages be mapped here?
    pub(crate) fn is_aligned(&self, geometry: Geometry) -> bool {
        self.addresses.start % geometry.extent == self.offset % geometry.extent
    }

    /// The extents that lie inside, by address.
    pub(crate) fn extents_inside(&self, geometry: Geometry) -> Range<u64> {
        let start = geometry.ceil(self.addresses.start);
        start..geometry.floor(self.addresses.end).max(start)
    }
}

fn name(path: &MMapPath) -> String {
    match path {
        MMapPath::Path(path) => path.to_string_lossy().into_owned(),
        MMapPath::Vsys(key) => format!("/SYSV{key:08x} (deleted)"),
        MMapPath::Other(name) => format!("[{name}]"),
        other => format!("{other:?}"),
    }
}

fn permissions(bits: MMPermissions) -> String {
    [
        (MMPermissions::READ, "r", "-"),
        (MMPermissions::WRITE, "w", "-"),
        (MMPermissions::EXECUTE, "x", "-"),
        (MMPermissions::SHARED, "s", "p"),
    ]
    .into_iter()
    .fold(String::new(), |mut text, (bit, yes, no)| {
        let _ = text.write_str(if bits.contains(bit) { yes } else { no });
        text
    })
}

/// Picks the mappings of shared memory and joins what belongs together.
pub(crate) fn mappings(
    maps: impl IntoIterator<Item = MemoryMap>,
    mut is_shmem: impl FnMut(&MemoryMap) -> bool,
) -> Vec<Mapping> {
    let mut found = Vec::<Mapping>::new();
    for map in maps {
        if map.inode == 0 && map.dev == (0, 0) || !is_shmem(&map) {
            continue;
        }
        let mapping = Mapping::new(&map);
        match found.last_mut() {
            Some(last) if mapping.continues(last) => last.addresses.end = mapping.addresses.end,
            _ => found.push(mapping),
        }
    }
    found
}

/// Tells shmem's devices from others.
pub(crate) struct Devices {
    known: HashMap<Device, bool>,
    map_files: PathBuf,
}

impl Devices {
    fn new(map_files: PathBuf, mounts: &[MountInfo], internal: Option<Device>) -> Self {
        let mut known: HashMap<_, _> = mounts
            .iter()
            .filter_map(|mount| Some((device(&mount.majmin)?, mount.fs_type == "tmpfs")))
            .collect();
        if let Some(internal) = internal {
            known.insert(internal, true);
        }
        Self { known, map_files }
    }

    /// A file system that is mounted nowhere is asked for through the mapping
    /// itself, which only root may.
    fn is_shmem(&mut self, map: &MemoryMap) -> bool {
        let Self { known, map_files } = self;
        *known.entry(map.dev).or_insert_with(|| {
            let (start, end) = map.address;
            is_tmpfs(&map_files.join(format!("{start:x}-{end:x}"))).unwrap_or(false)
        })
    }
}

fn device(text: &str) -> Option<Device> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The device that memfd, System V and shared anonymous memory lie on.
fn internal_device() -> Option<Device> {
    let file = memfd_create("shmem-collapse", MemfdFlags::CLOEXEC).ok()?;
    let device = fstat(&file).ok()?.st_dev;
    Some((major(device) as i32, minor(device) as i32))
}

/// Whether the file lies in a tmpfs.
pub(crate) fn is_tmpfs(path: &Path) -> rustix::io::Result<bool> {
    Ok(statfs(path)?.f_type as u32 == linux_raw_sys::general::TMPFS_MAGIC)
}

/// A process whose memory is looked at.
pub(crate) struct Memory {
    pub(crate) process: Process,
    devices: Devices,
}

impl Memory {
    pub(crate) fn of(pid: i32) -> Result<Self> {
        let process = Process::new(pid).map_err(|error| explain(error, pid))?;
        let mounts = process.mountinfo().map_err(|error| explain(error, pid))?;
        let devices = Devices::new(
            PathBuf::from(format!("/proc/{pid}/map_files")),
            &mounts.0,
            internal_device(),
        );
        Ok(Self { process, devices })
    }

    /// Its mappings of shared memory, as they are now.
    pub(crate) fn mappings(&mut self) -> Result<Vec<Mapping>> {
        let maps = self
            .process
            .maps()
            .map_err(|error| explain(error, self.process.pid()))?;
        Ok(mappings(maps, |map| self.devices.is_shmem(map)))
    }

    /// The path that a mapping's file can be opened by.
    pub(crate) fn map_file(&self, mapping: &Mapping) -> PathBuf {
        self.devices.map_files.join(&mapping.map_file)
    }
}

fn explain(error: ProcError, pid: i32) -> anyhow::Error {
    match error {
        ProcError::NotFound(_) => {
            anyhow::anyhow!("there is no process {pid}: look for it with 'ps'")
        }
        ProcError::PermissionDenied(_) => anyhow::anyhow!(
            "the memory of process {pid} may not be looked at: run this as root (sudo)"
        ),
        other => anyhow::Error::new(other).context(format!("cannot read /proc/{pid}")),
    }
}

/// Fails with what to do unless the file at `path` is shared memory.
pub(crate) fn check_file(path: &Path) -> Result<()> {
    let shown = path.display();
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
    use crate::machine::X86;
    use procfs::{
        FromRead,
        process::{MemoryMaps, MountInfos},
    };

    /// Recorded on Linux 7.3, of a process for each sort of shared memory.
    const MOUNTS: &str = include_str!("../tests/data/mountinfo");
    const MEMFD: &str = include_str!("../tests/data/memfd.maps");
    const SYSV: &str = include_str!("../tests/data/sysv.maps");
    const SHARED: &str = include_str!("../tests/data/shared.maps");
    const FILE: &str = include_str!("../tests/data/file.maps");

    fn found(maps: &str) -> Vec<Mapping> {
        let maps = MemoryMaps::from_read(maps.as_bytes()).unwrap();
        let mounts = MountInfos::from_read(MOUNTS.as_bytes()).unwrap();
        let mut devices = Devices::new("/nowhere".into(), &mounts.0, Some((0, 1)));
        mappings(maps, |map| devices.is_shmem(map))
    }

    #[test]
    fn each_sort_is_found_among_other_mappings() {
        for (maps, name, start) in [
            (MEMFD, "/memfd:hold (deleted)", 0x7fb8_23c0_0000),
            (SYSV, "/SYSV00000000 (deleted)", 0x7f45_b1a0_0000),
            (SHARED, "/dev/zero (deleted)", 0x7f5f_b720_0000),
            (FILE, "/dev/shm/segment", 0x7f84_0480_0000),
        ] {
            let found = found(maps);
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].name, name);
            assert_eq!(found[0].addresses, start..start + 0x60_0000);
            assert_eq!(found[0].permissions, "rw-s");
            assert!(found[0].is_aligned(X86));
            assert_eq!(found[0].extents_inside(X86), found[0].addresses);
        }
    }

    #[test]
    fn hugetlb_is_another_device() {
        assert!(found(&MEMFD.replace(" 00:01 ", " 00:10 ")).is_empty());
    }

    #[test]
    fn parts_of_one_file_are_joined() {
        let parts = MEMFD.replace(
            "7fb823c00000-7fb824200000 rw-s 00000000 00:01 1027",
            "7fb823c00000-7fb823d00000 rw-s 00000000 00:01 1027   /memfd:hold (deleted)\n\
             7fb823d00000-7fb824200000 r--s 00100000 00:01 1027",
        );
        let joined = found(&parts);
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].addresses, found(MEMFD)[0].addresses);
        assert_eq!(joined[0].map_file, "7fb823c00000-7fb823d00000");
        // A gap in the file parts them.
        assert_eq!(found(&parts.replace(" 00100000 ", " 00200000 ")).len(), 2);
    }

    #[test]
    fn ranges_are_rounded_inwards() {
        let odd = &found(&FILE.replace("7f8404800000-", "7f8404801000-"))[0];
        assert!(!odd.is_aligned(X86));
        assert_eq!(odd.extents_inside(X86), 0x7f84_04a0_0000..0x7f84_04e0_0000);
        let small = &found(&FILE.replace("-7f8404e00000", "-7f8404900000"))[0];
        assert!(small.extents_inside(X86).is_empty());
    }

    #[test]
    fn a_tmpfs_is_told_by_the_kernel() {
        assert!(!is_tmpfs(Path::new("/proc")).unwrap());
        assert!(check_file(Path::new("/proc/self/maps")).is_err());
        assert!(check_file(Path::new("/nonexistent")).is_err());
        assert!(check_file(Path::new("/")).is_err());
    }
}
