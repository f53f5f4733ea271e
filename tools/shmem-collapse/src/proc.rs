// SPDX-License-Identifier: GPL-2.0

//! What is read of `/proc`.
//!
//! Names in there are bytes of somebody else, and lines may be of a kernel that
//! is not known here. A line that makes no sense is left out, the others count.
//! Numbers are checked: nothing that is computed with them later overflows.
#![deny(clippy::arithmetic_side_effects)]

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    ops::Range,
    path::PathBuf,
    str,
};

/// Number of a device: what a file lies on.
pub(crate) type Device = (u32, u32);

/// More than any file here has in one piece.
const LONGEST: u64 = 64 << 20;

/// Where processes are looked up.
#[derive(Clone, Debug)]
pub(crate) struct Proc {
    root: PathBuf,
}

impl Default for Proc {
    fn default() -> Self {
        Self::at("/proc")
    }
}

impl Proc {
    /// Looks in another directory than `/proc`, as tests do.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The path of a file that a process has there.
    pub(crate) fn path(&self, pid: i32, name: &str) -> PathBuf {
        let mut path = self.root.join(pid.to_string());
        path.push(name);
        path
    }

    /// Is it mounted at all?
    pub(crate) fn is_there(&self) -> bool {
        self.root.join("self").exists()
    }

    /// What can be told of all processes that there are. One that ends meanwhile
    /// is left out.
    pub(crate) fn stats(&self) -> Vec<Stat> {
        let Ok(entries) = fs::read_dir(&self.root) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| pid(entry.file_name().as_encoded_bytes()))
            .filter_map(|pid| self.stat(pid).ok())
            .collect()
    }

    /// `/proc/PID/stat`.
    pub(crate) fn stat(&self, pid: i32) -> io::Result<Stat> {
        let text = self.read(pid, "stat")?;
        Stat::parse(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Shows `visit` each line of `/proc/PID/maps` that makes sense, in order.
    pub(crate) fn areas(&self, pid: i32, visit: impl FnMut(Area<'_>)) -> io::Result<()> {
        let file = File::open(self.path(pid, "maps"))?;
        areas(&mut BufReader::with_capacity(1 << 16, file), visit)
    }

    /// The types of file systems that the process sees mounted, by device.
    pub(crate) fn mounts(&self, pid: i32) -> io::Result<HashMap<Device, Vec<u8>>> {
        Ok(mounts(&self.read(pid, "mountinfo")?))
    }

    fn read(&self, pid: i32, name: &str) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        File::open(self.path(pid, name))?
            .take(LONGEST)
            .read_to_end(&mut text)?;
        Ok(text)
    }
}

fn pid(name: &[u8]) -> Option<i32> {
    i32::try_from(decimal(name)?).ok().filter(|pid| *pid > 0)
}

/// A process, as `/proc/PID/stat` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// One letter: `Z` has ended and waits for its parent.
    pub(crate) state: u8,
}

impl Stat {
    /// The name in the middle may have parentheses, blanks and newlines.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let mut fields = Fields(text.get(close..)?.get(1..)?);
        Some(Self {
            pid: pid(text.get(..open)?.trim_ascii())?,
            state: *fields.next()?.first()?,
            parent: i32::try_from(decimal(fields.next()?)?).ok()?,
        })
    }
}

/// A line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Area<'a> {
    /// Not empty.
    pub(crate) addresses: Range<u64>,
    pub(crate) permissions: &'a str,
    /// As many bytes behind it as addresses do not overflow.
    pub(crate) offset: u64,
    pub(crate) device: Device,
    pub(crate) inode: u64,
    /// As it is written there.
    pub(crate) name: &'a [u8],
}

impl<'a> Area<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(line);
        let (start, end) = split(fields.next()?, b'-')?;
        let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
        let len = end.checked_sub(start).filter(|len| *len > 0)?;
        let permissions = fields.next().filter(|field| {
            field.len() == 4 && field.iter().all(|byte| b"rwxsp-".contains(byte))
        })?;
        let offset = hexadecimal(fields.next()?)?;
        offset.checked_add(len)?;
        let (major, minor) = split(fields.next()?, b':')?;
        let device = (hexadecimal(major)?, hexadecimal(minor)?);
        Some(Self {
            addresses: start..end,
            permissions: str::from_utf8(permissions).ok()?,
            offset,
            device: (u32::try_from(device.0).ok()?, u32::try_from(device.1).ok()?),
            inode: decimal(fields.next()?)?,
            name: fields.0.trim_ascii_start(),
        })
    }

    /// Memory that no file is behind.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.inode == 0 && self.device == (0, 0)
    }
}

/// The entry in `/proc/PID/map_files` of a line of maps.
pub(crate) fn entry(addresses: &Range<u64>) -> String {
    format!("{:x}-{:x}", addresses.start, addresses.end)
}

fn areas(maps: &mut impl BufRead, mut visit: impl FnMut(Area<'_>)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if maps.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if let Some(area) = Area::parse(text) {
            visit(area);
        }
    }
}

fn mounts(text: &[u8]) -> HashMap<Device, Vec<u8>> {
    text.split(|byte| *byte == b'\n')
        .filter_map(mount)
        .collect()
}

fn mount(line: &[u8]) -> Option<(Device, Vec<u8>)> {
    let mut fields = Fields(line);
    let (major, minor) = split(fields.nth(2)?, b':')?;
    let device = (decimal(major)?, decimal(minor)?);
    let device = (u32::try_from(device.0).ok()?, u32::try_from(device.1).ok()?);
    // Where it is mounted and how; then as many fields as there are, up to a dash.
    fields.nth(2)?;
    fields.find(|field| *field == b"-")?;
    Some((device, fields.next()?.to_vec()))
}

/// What blanks part. The rest is what follows the last one taken.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.trim_ascii_start();
        let end = text
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(text.len());
        let (field, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        (!field.is_empty()).then_some(field)
    }
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let middle = text.iter().position(|byte| *byte == at)?;
    let (left, right) = text.split_at_checked(middle)?;
    Some((left, right.get(1..)?))
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    number(digits, 16)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    number(digits, 10)
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    // from_str_radix() takes a sign, too.
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::{path::Path, sync::atomic};

    /// A directory like `/proc`, with one process.
    pub(crate) struct Tree(PathBuf);

    impl Tree {
        pub(crate) const PID: i32 = 42;

        pub(crate) fn new(maps: &[u8], mountinfo: &[u8]) -> Self {
            static COUNT: atomic::AtomicU32 = atomic::AtomicU32::new(0);
            let count = COUNT.fetch_add(1, atomic::Ordering::Relaxed);
            let name = format!("shmem-collapse-proc-{}-{count}", std::process::id());
            let tree = Self(std::env::temp_dir().join(name));
            fs::create_dir_all(tree.proc().path(Self::PID, "map_files")).unwrap();
            tree.write("maps", maps);
            tree.write("mountinfo", mountinfo);
            tree
        }

        pub(crate) fn write(&self, name: &str, text: &[u8]) {
            fs::write(self.proc().path(Self::PID, name), text).unwrap();
        }

        /// An entry in `map_files`.
        pub(crate) fn link(&self, entry: &str, to: &Path) {
            let path = self.proc().path(Self::PID, "map_files").join(entry);
            std::os::unix::fs::symlink(to, path).unwrap();
        }

        pub(crate) fn proc(&self) -> Proc {
            Proc::at(&self.0)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn names(maps: &[u8]) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        areas(&mut &maps[..], |area| names.push(area.name.to_vec())).unwrap();
        names
    }

    #[test]
    fn a_line_of_maps() {
        let line = b"7f8404800000-7f8404e00000 rw-s 00200000 00:1c 2          /dev/shm/a b ";
        let area = Area::parse(line).unwrap();
        assert_eq!(area.addresses, 0x7f84_0480_0000..0x7f84_04e0_0000);
        assert_eq!((area.permissions, area.offset), ("rw-s", 0x20_0000));
        assert_eq!((area.device, area.inode), ((0, 0x1c), 2));
        assert_eq!(area.name, b"/dev/shm/a b ");
        let last = b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]";
        assert!(Area::parse(last).unwrap().is_anonymous());
        assert_eq!(Area::parse(b"0-1 ---p 0 0:0 0").unwrap().name, b"");
    }

    #[test]
    fn lines_that_make_no_sense_are_none() {
        for line in [
            &b""[..],
            b"-",
            b"1000",
            b"2000-1000 rw-s 0 0:1 1 /a",
            b"1000-1000 rw-s 0 0:1 1 /a",
            b"+1000-2000 rw-s 0 0:1 1 /a",
            b"1000-2000 rw- 0 0:1 1 /a",
            b"1000-2000 \xffw-s 0 0:1 1 /a",
            b"1000-2000 rw-s fffffffffffff800 0:1 1 /a",
            b"1000-2000 rw-s 0 01 1 /a",
            b"1000-2000 rw-s 0 0:100000000 1 /a",
            b"1000-2000 rw-s 0 0:1",
            b"1000-2000 rw-s 0 0:1 18446744073709551616 /a",
            b"10000000000000000-20000000000000000 rw-s 0 0:1 1 /a",
        ] {
            assert_eq!(Area::parse(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn lines_beside_a_broken_one_count() {
        let maps = b"1000-2000 rw-s 0 0:1 1 /a\nfoo\n\xff\xfe\n\n3000-4000 rw-s 0 0:1 2 /SYSV\n\
            5000-6000 rw-s 0 0:1 4 caf\xe9";
        assert_eq!(names(maps), [&b"/a"[..], b"/SYSV", b"caf\xe9"]);
    }

    #[test]
    fn a_process_may_have_any_name() {
        for name in ["x", "", ")", "a) R 7 (", "a\nb", " "] {
            let text = format!("42 ({name}) S 41 1 1 0 -1 4194304\n");
            let stat = Stat::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (stat.pid, stat.parent, stat.state),
                (42, 41, b'S'),
                "{name}"
            );
        }
        for wrong in [
            "",
            "(",
            ")",
            ")(",
            "42 (x",
            "x (x) S 1",
            "42 (x)",
            "42 (x) S",
            "0 (x) S 1",
        ] {
            assert_eq!(Stat::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_mount_may_have_any_name() {
        let table = b"28 2 0:25 / /proc rw - proc proc rw\n\
            garbage\n\
            32 30 0:28 / /m\xe9dia rw,relatime shared:1 master:2 - tmpfs  rw\n\
            33 30 0:29 / / rw\n\
            34 30 8:1 / /- rw - ext4 /dev/sda1 rw";
        let found = mounts(table);
        assert_eq!(found.len(), 3);
        assert_eq!(found[&(0, 28)], b"tmpfs");
        assert_eq!(found[&(8, 1)], b"ext4");
    }

    #[test]
    fn this_process_is_there() {
        let proc = Proc::default();
        let me = std::process::id() as i32;
        assert!(proc.is_there());
        assert_eq!(proc.stat(me).unwrap().pid, me);
        assert!(proc.stats().iter().any(|stat| stat.pid == me));
        let mut count = 0;
        proc.areas(me, |_| count += 1).unwrap();
        assert!(count > 3);
        assert!(!Proc::at("/nonexistent").is_there());
        assert!(Proc::at("/nonexistent").stats().is_empty());
    }
}
