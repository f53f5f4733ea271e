// SPDX-License-Identifier: GPL-2.0

//! Which mappings of a process are shared memory.

use crate::{
    devices::{Devices, FileKind, device_and_inode, file_system, internal_device},
    machine::Geometry,
    name::Name,
    proc::{Area, Device, Proc, entry},
};
use anyhow::{Result, bail};
use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, ErrorKind},
    ops::Range,
};

/// What tells a file from another as long as it is mapped. Segments of System V
/// have ids for inodes, so a name is needed too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    device: Device,
    inode: u64,
    name: Name,
}

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
    pub(crate) name: Name,
    pub(crate) permissions: String,
    /// Entry in `/proc/PID/map_files` of its first part.
    pub(crate) map_file: String,
}

impl Mapping {
    fn new(area: &Area<'_>) -> Self {
        Self {
            addresses: area.addresses.clone(),
            offset: area.offset,
            device: area.device,
            inode: area.inode,
            name: Name::of_maps(area.name),
            permissions: area.permissions.into(),
            map_file: entry(&area.addresses),
        }
    }

    fn continues(&self, before: &Self) -> bool {
        before.addresses.end == self.addresses.start
            && before.shown().end == self.offset
            && before.file() == self.file()
    }

    /// Which file it shows.
    pub(crate) fn file(&self) -> FileId {
        // A process may call its shared anonymous memory what it likes, and each
        // part of it differently.
        let is_named = self.name.starts_with(b"[anon_shmem:");
        FileId {
            device: self.device,
            inode: self.inode,
            name: if is_named {
                "/dev/zero (deleted)".into()
            } else {
                self.name.clone()
            },
        }
    }

    /// The bytes of the file that it shows.
    pub(crate) fn shown(&self) -> Range<u64> {
        let len = self.addresses.end.saturating_sub(self.addresses.start);
        self.offset..self.offset.saturating_add(len)
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

    /// The address of a byte of the file, if it is shown here.
    pub(crate) fn address_of(&self, offset: u64) -> Option<u64> {
        if !self.shown().contains(&offset) {
            return None;
        }
        self.addresses
            .start
            .checked_add(offset.checked_sub(self.offset)?)
    }

    pub(crate) fn is_private(&self) -> bool {
        self.permissions.ends_with('p')
    }
}

/// Adds a mapping to those before it, or joins it with the last of them.
fn join(found: &mut Vec<Mapping>, mapping: Mapping) {
    match found.last_mut() {
        Some(last) if mapping.continues(last) => last.addresses.end = mapping.addresses.end,
        _ => found.push(mapping),
    }
}

/// Those of one file together, in the order in which the files are first mapped.
pub(crate) fn by_file(mappings: &[Mapping]) -> Vec<Vec<&Mapping>> {
    let mut index = HashMap::<FileId, usize>::new();
    let mut files = Vec::<Vec<&Mapping>>::new();
    for mapping in mappings {
        let next = files.len();
        let at = *index.entry(mapping.file()).or_insert(next);
        match files.get_mut(at) {
            Some(file) => file.push(mapping),
            None => files.push(vec![mapping]),
        }
    }
    files
}

/// What came of opening a file through a mapping.
pub(crate) enum Opened {
    File(File),
    /// Nothing maps it any more.
    Gone,
    /// It may be seen through page tables only: a privilege is missing.
    Hidden,
    /// As well, because the file's name is that of another.
    BehindOverlay,
}

/// A process whose memory is looked at.
pub(crate) struct Memory {
    pid: i32,
    proc: Proc,
    devices: Devices,
}

impl Memory {
    pub(crate) fn of(pid: i32) -> Result<Self> {
        Self::in_proc(Proc::default(), pid)
    }

    /// Takes what a process is from somewhere else than `/proc`.
    pub(crate) fn in_proc(proc: Proc, pid: i32) -> Result<Self> {
        if let Err(error) = std::fs::metadata(proc.path(pid, ".")) {
            if !proc.is_there() {
                bail!("/proc is not mounted: run 'mount -t proc proc /proc'");
            }
            return Err(explain(error, pid));
        }
        let devices = Devices::new(proc.clone(), pid, internal_device());
        Ok(Self { pid, proc, devices })
    }

    /// Its mappings of shared memory, as they are now. A process that has no
    /// memory, or has none any more, has none.
    pub(crate) fn mappings(&mut self) -> Result<Vec<Mapping>> {
        let mut found = Vec::new();
        let Self { pid, proc, devices } = self;
        let read = proc.areas(*pid, |area| {
            if devices.is_shmem(&area) {
                join(&mut found, Mapping::new(&area));
            }
        });
        match read {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(Vec::new()),
            // What was read before counts.
            Err(error) if found.is_empty() => Err(explain(error, *pid)),
            _ => Ok(found),
        }
    }

    /// Its page tables.
    pub(crate) fn pagemap(&self) -> io::Result<File> {
        File::open(self.proc.path(self.pid, "pagemap"))
    }

    /// Opens the file that all of these mappings show.
    pub(crate) fn open(&self, mappings: &[&Mapping]) -> io::Result<Opened> {
        // A mapping's parts may be others with each look, and the file the same.
        const LOOKS: usize = 3;
        let Some(first) = mappings.first() else {
            return Ok(Opened::Gone);
        };
        let mut entries: Vec<String> = mappings
            .iter()
            .map(|mapping| mapping.map_file.clone())
            .collect();
        for _ in 0..LOOKS {
            for entry in &entries {
                match self.open_entry(entry, first)? {
                    Opened::Gone => {}
                    opened => return Ok(opened),
                }
            }
            entries.clear();
            let wanted = first.file();
            let again = self.proc.areas(self.pid, |area| {
                let is_same = (area.device, area.inode) == (first.device, first.inode);
                if is_same && Mapping::new(&area).file() == wanted {
                    entries.push(entry(&area.addresses));
                }
            });
            if again.is_err() || entries.is_empty() {
                break;
            }
        }
        Ok(Opened::Gone)
    }

    fn open_entry(&self, entry: &str, expected: &Mapping) -> io::Result<Opened> {
        let path = self.proc.path(self.pid, &format!("map_files/{entry}"));
        let flags = OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match open(&path, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::PERM | Errno::ACCESS) => return Ok(Opened::Hidden),
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => return Err(error.into()),
            Err(_) => return Ok(Opened::Gone),
        };
        match file_system(&file)? {
            FileKind::Shmem => {}
            FileKind::Overlay => return Ok(Opened::BehindOverlay),
            FileKind::Other => return Ok(Opened::Gone),
        }
        let is_expected = device_and_inode(&file)? == (expected.device, expected.inode);
        Ok(if is_expected {
            Opened::File(file.into())
        } else {
            Opened::Gone
        })
    }
}

fn explain(error: io::Error, pid: i32) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => {
            anyhow::anyhow!("there is no process {pid}: look for it with 'ps'")
        }
        ErrorKind::PermissionDenied => anyhow::anyhow!(
            "the memory of process {pid} may not be looked at: run this as root (sudo)"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot read /proc/{pid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        devices::{check_file, file_kind, is_tmpfs},
        machine::X86,
        proc::tests::Tree,
    };
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::path::Path;

    /// Recorded on Linux 7.3, of a process for each sort of shared memory.
    const MOUNTS: &str = include_str!("../tests/data/mountinfo");
    const MEMFD: &str = include_str!("../tests/data/memfd.maps");
    const SYSV: &str = include_str!("../tests/data/sysv.maps");
    const SHARED: &str = include_str!("../tests/data/shared.maps");
    const FILE: &str = include_str!("../tests/data/file.maps");

    fn found(maps: &str) -> Vec<Mapping> {
        found_in(&Tree::new(maps.as_bytes(), MOUNTS.as_bytes()))
    }

    fn found_in(tree: &Tree) -> Vec<Mapping> {
        let mut memory = Memory::in_proc(tree.proc(), Tree::PID).unwrap();
        memory.devices.set_internal(Some((0, 1)));
        memory.mappings().unwrap()
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

    #[test]
    fn names_are_bytes() {
        let maps = [
            &b"1000000-1200000 rw-s 0 00:01 1 /memfd:caf\xe9 (deleted)\n"[..],
            b"2000000-2200000 rw-s 0 00:1c 2 /SYSV\n",
            b"3000000-3200000 rw-s 0 00:1c 3 /SYSVOL-policies\n",
            b"4000000-4200000 rw-s 0 00:01 4 /memfd:a\\012b (deleted)\n",
            b"5000000-5200000 rw-s 0 00:1c 5 [heap]\n",
            b"6000000-6200000 rw-s 0 00:01 6\n",
        ]
        .concat();
        let found = found_in(&Tree::new(&maps, MOUNTS.as_bytes()));
        let names: Vec<_> = found
            .iter()
            .map(|mapping| mapping.name.to_string())
            .collect();
        assert_eq!(
            names,
            [
                r"/memfd:caf\xe9 (deleted)",
                "/SYSV",
                "/SYSVOL-policies",
                r"/memfd:a\x0ab (deleted)",
                "[heap]",
                ""
            ]
        );
    }

    #[test]
    fn a_mount_point_of_another_language_hides_nothing() {
        let mounts = [
            b"40 28 0:99 / /m\xe9dia rw - tmpfs media rw\n",
            MOUNTS.as_bytes(),
        ]
        .concat();
        assert_eq!(found_in(&Tree::new(FILE.as_bytes(), &mounts)), found(FILE));
    }

    #[test]
    fn a_name_of_its_own_makes_no_other_file() {
        let maps = "1000000-1200000 rw-s 00000000 00:01 5 [anon_shmem:a]\n\
            1200000-1400000 rw-s 00200000 00:01 5 [anon_shmem:b]\n\
            1600000-1800000 rw-s 00000000 00:01 5 /dev/zero (deleted)\n\
            1800000-1a00000 rw-s 00200000 00:01 5 /SYSV00000000 (deleted)\n";
        let found = found(maps);
        assert_eq!(found.len(), 3);
        let files: Vec<_> = by_file(&found).iter().map(Vec::len).collect();
        assert_eq!(files, [2, 1]);
    }

    #[test]
    fn bytes_of_a_file_have_addresses() {
        let mapping = &found(FILE)[0];
        assert_eq!(mapping.shown(), 0..0x60_0000);
        assert_eq!(mapping.address_of(0x20_0000), Some(0x7f84_04a0_0000));
        assert_eq!(mapping.address_of(0x60_0000), None);
    }

    #[test]
    fn the_memory_is_asked() {
        let file = File::from(memfd_create("asked", MemfdFlags::CLOEXEC).unwrap());
        let (device, inode) = device_and_inode(&file).unwrap();
        let line = format!(
            "1000000-1200000 rw-s 00000000 {:02x}:{:02x} {inode} /x\n\
             2000000-2200000 rw-s 00000000 00:77 9 /dev/null\n\
             3000000-3200000 rw-s 00000000 00:78 9 /gone\n",
            device.0, device.1
        );
        let tree = Tree::new(line.as_bytes(), b"");
        let of_file = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
        tree.link("1000000-1200000", Path::new(&of_file));
        // A device, be it in a tmpfs, is none.
        tree.link("2000000-2200000", Path::new("/dev/null"));
        let mut memory = Memory::in_proc(tree.proc(), Tree::PID).unwrap();
        memory.devices.set_internal(None);
        let found = memory.mappings().unwrap();
        assert_eq!(found.len(), 1);
        let opened = memory.open(&found.iter().collect::<Vec<_>>()).unwrap();
        assert!(matches!(opened, Opened::File(_)));
        // Another file is mapped there now.
        let other = Mapping {
            inode: inode + 1,
            ..found[0].clone()
        };
        assert!(matches!(memory.open(&[&other]).unwrap(), Opened::Gone));
        assert_eq!(file_kind(Path::new("/dev/null")), Ok(FileKind::Other));
        assert_eq!(file_kind(Path::new(&of_file)), Ok(FileKind::Shmem));
    }

    #[test]
    fn a_mapping_whose_parts_change_is_looked_for_again() {
        let file = File::from(memfd_create("parts", MemfdFlags::CLOEXEC).unwrap());
        let (device, inode) = device_and_inode(&file).unwrap();
        let line = format!(
            "1000000-1100000 r--s 00000000 {:02x}:{:02x} {inode} /x\n",
            device.0, device.1
        );
        let tree = Tree::new(line.as_bytes(), b"");
        let of_file = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
        tree.link("1000000-1100000", Path::new(&of_file));
        let mut memory = Memory::in_proc(tree.proc(), Tree::PID).unwrap();
        let mut found = memory.mappings().unwrap();
        found[0].map_file = "1000000-1200000".into();
        assert!(matches!(
            memory.open(&[&found[0]]).unwrap(),
            Opened::File(_)
        ));
    }

    #[test]
    fn odd_processes_are_told() {
        assert!(Memory::of(i32::MAX).is_err());
        let error = Memory::in_proc(Proc::at("/nonexistent"), 1).err().unwrap();
        assert!(
            error.to_string().contains("/proc is not mounted"),
            "{error}"
        );
        // A thread of the kernel, or a process that has ended, has no memory.
        assert!(found("").is_empty());
    }
}
