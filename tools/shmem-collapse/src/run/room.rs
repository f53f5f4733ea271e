// SPDX-License-Identifier: GPL-2.0

//! How much memory the program's memory cgroup has left.
//!
//! A huge page is charged before the small ones are given back, and what it fills
//! is charged for good. A group that is full kills its processes at their next
//! page, so `run` stops well before that. The groups above count too, and all is
//! read again for each extent, since the program grows meanwhile.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Component, Path, PathBuf},
};

/// The part of a group's limit that filled holes leave free: a quarter.
const FREE_PART: u64 = 4;

/// Extents that are left free in any case, for the copies themselves.
const SPARE_EXTENTS: u64 = 2;

/// The names of a version's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    /// What cannot be exceeded.
    limit: &'static str,
    /// What is reclaimed and slowed down beyond.
    soft: Option<&'static str>,
    usage: &'static str,
}

const V1: Version = Version {
    limit: "memory.limit_in_bytes",
    soft: None,
    usage: "memory.usage_in_bytes",
};

const V2: Version = Version {
    limit: "memory.max",
    soft: Some("memory.high"),
    usage: "memory.current",
};

/// A hierarchy of cgroups, where it is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hierarchy {
    version: Version,
    mount: PathBuf,
    /// The group that the mount shows.
    root: PathBuf,
}

/// The hierarchies that may have memory limits.
#[derive(Debug, Default)]
pub(super) struct Hierarchies(Vec<Hierarchy>);

impl Hierarchies {
    pub(super) fn of_machine() -> Self {
        Self::listed(&fs::read("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Those in a mountinfo. Names in it are bytes, and nothing in it is ours.
    fn listed(mountinfo: &[u8]) -> Self {
        Self(
            mountinfo
                .split(|byte| *byte == b'\n')
                .filter_map(hierarchy)
                .collect(),
        )
    }

    /// Returns the room of the groups that a process is in.
    pub(super) fn room_of(&self, pid: i32) -> Room {
        let groups = fs::read(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        self.room_in(&groups)
    }

    /// Returns that of the groups in a `/proc/PID/cgroup`.
    fn room_in(&self, groups: &[u8]) -> Room {
        let mut room = Room::default();
        for line in groups.split(|byte| *byte == b'\n') {
            let Some((version, group)) = membership(line) else {
                continue;
            };
            for hierarchy in self.0.iter().filter(|known| known.version == version) {
                hierarchy.narrow(&mut room, &group);
            }
        }
        room
    }
}

/// The hierarchy that a line of mountinfo is about.
fn hierarchy(line: &[u8]) -> Option<Hierarchy> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = path(fields.nth(3)?);
    let mount = path(fields.next()?);
    fields.find(|field| *field == b"-")?;
    let kind = fields.next()?;
    let options = fields.nth(1)?;
    let version = match kind {
        b"cgroup2" => V2,
        b"cgroup"
            if options
                .split(|byte| *byte == b',')
                .any(|it| it == b"memory") =>
        {
            V1
        }
        _ => return None,
    };
    Some(Hierarchy {
        version,
        mount,
        root,
    })
}

/// The version and the group that a line of `/proc/PID/cgroup` is about.
fn membership(line: &[u8]) -> Option<(Version, PathBuf)> {
    let mut fields = line.splitn(3, |byte| *byte == b':');
    let (id, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
    let version = if id == b"0" && controllers.is_empty() {
        V2
    } else if controllers
        .split(|byte| *byte == b',')
        .any(|it| it == b"memory")
    {
        V1
    } else {
        return None;
    };
    Some((version, PathBuf::from(OsString::from_vec(group.to_vec()))))
}

/// A path of mountinfo, in which some bytes are written in octal.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = match rest {
            [b'\\', digits @ ..] => digits.get(..3).and_then(octal),
            _ => None,
        };
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

impl Hierarchy {
    /// Takes a group and all above it into account.
    fn narrow(&self, room: &mut Room, group: &Path) {
        let Ok(below) = group.strip_prefix(&self.root) else {
            return;
        };
        // A group outside of our namespace begins with "..".
        if !below
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return;
        }
        let mut directory = self.mount.join(below);
        while directory.starts_with(&self.mount) {
            self.narrow_by(room, &directory);
            if !directory.pop() {
                break;
            }
        }
    }

    fn narrow_by(&self, room: &mut Room, directory: &Path) {
        let read = |name| -> Option<u64> {
            let text = fs::read_to_string(directory.join(name)).ok()?;
            // "max" is no limit, and no number.
            text.trim().parse().ok()
        };
        let Some(usage) = read(self.version.usage) else {
            return;
        };
        let limit = read(self.version.limit);
        if let Some(limit) = limit {
            room.hard = room.hard.min(limit.saturating_sub(usage));
        }
        let soft = self.version.soft.and_then(read);
        for limit in limit.into_iter().chain(soft) {
            let kept = limit / FREE_PART;
            room.growth = room
                .growth
                .min(limit.saturating_sub(usage).saturating_sub(kept));
        }
    }
}

/// What may be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes up to the nearest limit.
    hard: u64,
    /// Bytes that holes may take for good.
    growth: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            hard: u64::MAX,
            growth: u64::MAX,
        }
    }
}

impl Room {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            hard: self.hard.min(other.hard),
            growth: self.growth.min(other.growth),
        }
    }

    /// Is there room for extents that grow by so many bytes?
    pub(super) fn has(self, growth: u64, extent: u64) -> bool {
        let spare = SPARE_EXTENTS.saturating_mul(extent);
        growth <= self.growth && self.hard.saturating_sub(growth) >= spare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: u64 = 1 << 20;

    #[test]
    fn mounts_are_found_among_others() {
        let listed = Hierarchies::listed(
            b"22 1 0:20 / /proc rw - proc proc rw\n\
              30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n\
              31 22 0:27 /a\\040b /v1/m\\134\xe9 rw - cgroup cgroup rw,memory\n\
              32 22 0:28 / /v1/cpu rw - cgroup cgroup rw,cpu\n\
              33\n\n34 22 0:29 / /x rw - cgroup2",
        );
        let root = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        let hierarchy = |version, mount: &[u8], of: &[u8]| Hierarchy {
            version,
            mount: root(mount),
            root: root(of),
        };
        assert_eq!(
            listed.0,
            [
                hierarchy(V2, b"/sys/fs/cgroup", b"/"),
                hierarchy(V1, b"/v1/m\\\xe9", b"/a b"),
            ]
        );
    }

    #[test]
    fn groups_are_those_with_memory() {
        assert_eq!(membership(b"0::/a:b"), Some((V2, "/a:b".into())));
        assert_eq!(membership(b"4:cpu,memory:/c"), Some((V1, "/c".into())));
        assert_eq!(membership(b"4:cpu:/c"), None);
        assert_eq!(membership(b"0:"), None);
        assert_eq!(membership(b""), None);
    }

    /// A hierarchy in a directory of its own.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let name = format!("shmem-collapse-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn write(&self, group: &str, files: &[(&str, &str)]) {
            let directory = self.0.join(group);
            fs::create_dir_all(&directory).unwrap();
            for (name, text) in files {
                fs::write(directory.join(name), text).unwrap();
            }
        }

        fn shown(&self, version: Version, root: &str) -> Hierarchies {
            Hierarchies(vec![Hierarchy {
                version,
                mount: self.0.clone(),
                root: root.into(),
            }])
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_narrowest_group_above_counts() {
        let tree = Tree::new("above");
        let megabytes = |n: u64| format!("{}\n", n * M);
        tree.write(
            "a/b",
            &[("memory.max", "max\n"), ("memory.current", &megabytes(10))],
        );
        tree.write(
            "a",
            &[
                ("memory.max", &megabytes(64)),
                ("memory.high", "max\n"),
                ("memory.current", &megabytes(20)),
            ],
        );
        let all = tree.shown(V2, "/");
        let room = all.room_in(b"0::/a/b\n");
        assert_eq!((room.hard, room.growth), (44 * M, 28 * M));
        // Slowed down is not killed.
        tree.write("a/b", &[("memory.high", &megabytes(16))]);
        let room = all.room_in(b"0::/a/b\n");
        assert_eq!((room.hard, room.growth), (44 * M, 2 * M));
        // More is used than may be.
        tree.write("a", &[("memory.current", &megabytes(70))]);
        let room = all.room_in(b"0::/a/b\n");
        assert_eq!((room.hard, room.growth), (0, 0));
        // What the mount does not show, and groups that have gone.
        assert_eq!(tree.shown(V2, "/x").room_in(b"0::/a/b\n"), Room::default());
        assert_eq!(all.room_in(b"0::/gone\n"), Room::default());
        assert_eq!(all.room_in(b"0::/../a\n"), Room::default());
        let room = tree.shown(V2, "/x").room_in(b"0::/x/a\n");
        assert_eq!(room.hard, 0);
    }

    #[test]
    fn the_first_version_counts_too() {
        let tree = Tree::new("first");
        tree.write(
            "c",
            &[
                ("memory.limit_in_bytes", "67108864\n"),
                ("memory.usage_in_bytes", "1048576\n"),
            ],
        );
        let room = tree
            .shown(V1, "/")
            .room_in(b"9:pids:/x\n7:memory:/c\n0::/d\n");
        assert_eq!((room.hard, room.growth), (63 * M, 47 * M));
    }

    #[test]
    fn a_quarter_stays_free_of_filled_holes() {
        // 64 MiB, of which 20 are used.
        let room = Room {
            hard: 44 * M,
            growth: 28 * M,
        };
        assert!(room.has(28 * M, 2 * M));
        assert!(!room.has(28 * M + 1, 2 * M));
        // What does not grow goes on when the quarter is in use.
        let later = Room {
            hard: 8 * M,
            growth: 0,
        };
        assert!(later.has(0, 2 * M) && !later.has(4096, 2 * M));
    }

    #[test]
    fn nothing_is_copied_in_a_full_group() {
        let room = Room {
            hard: 3 * M,
            growth: u64::MAX,
        };
        assert!(!room.has(0, 2 * M));
    }

    #[test]
    fn without_a_limit_there_is_room() {
        assert!(Room::default().has(1 << 40, 2 * M));
    }
}
