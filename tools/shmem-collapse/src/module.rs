// SPDX-License-Identifier: GPL-2.0

//! The kernel module, as sysfs shows it.

use crate::machine;
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

const DIRECTORY: &str = "/sys/kernel/mm/shmem_collapse";

/// All figures by name.
pub(crate) type Figures = BTreeMap<String, u64>;

/// What carries requests out.
pub(crate) trait Module {
    /// Makes one request and waits for its end.
    fn request(&mut self, text: &[u8]) -> io::Result<()>;
    /// Reads the figures.
    fn figures(&mut self) -> Result<Figures>;
}

/// The module that is loaded.
pub(crate) struct Loaded {
    collapse: File,
    stats: PathBuf,
}

impl Loaded {
    pub(crate) fn open() -> Result<Self> {
        let directory = directory()?;
        let collapse = OpenOptions::new()
            .write(true)
            .open(directory.join("collapse"))
            .map_err(|error| match error.kind() {
                ErrorKind::PermissionDenied => {
                    anyhow::anyhow!("only root may make memory huge: run this as root (sudo)")
                }
                _ => anyhow::Error::new(error).context(format!("{DIRECTORY}/collapse")),
            })?;
        if !machine::is_root() {
            bail!("only root may make memory huge: run this as root (sudo)");
        }
        Ok(Self {
            collapse,
            stats: directory.join("stats"),
        })
    }
}

impl Module for Loaded {
    fn request(&mut self, text: &[u8]) -> io::Result<()> {
        self.collapse.write(text).map(|_| ())
    }

    fn figures(&mut self) -> Result<Figures> {
        read_figures(&self.stats)
    }
}

fn directory() -> Result<&'static Path> {
    let directory = Path::new(DIRECTORY);
    if !directory.exists() {
        bail!("the module is not loaded: run 'modprobe shmem_collapse' as root");
    }
    Ok(directory)
}

/// The figures of the module that is loaded; anybody may read them.
pub(crate) fn figures() -> Result<Figures> {
    read_figures(&directory()?.join("stats"))
}

fn read_figures(directory: &Path) -> Result<Figures> {
    let mut figures = Figures::new();
    let entries = fs::read_dir(directory)
        .with_context(|| format!("{} cannot be read", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "reset" {
            continue;
        }
        let path = entry.path();
        let text = fs::read_to_string(&path).with_context(|| {
            format!("{} cannot be read: the module may be going", path.display())
        })?;
        let value = text
            .trim()
            .parse()
            .with_context(|| format!("{} has no number", path.display()))?;
        figures.insert(name, value);
    }
    Ok(figures)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A module that collapses what it is asked for, but for some extents.
    #[derive(Default)]
    pub(crate) struct Pretended {
        pub(crate) requests: Vec<String>,
        pub(crate) extents: u64,
        pub(crate) collapsed: u64,
        /// Addresses that are pinned.
        pub(crate) pinned: Vec<u64>,
        /// Fails every request before it does anything.
        pub(crate) error: Option<i32>,
        /// Somebody else collapses as much meanwhile.
        pub(crate) others: bool,
    }

    impl Module for Pretended {
        fn request(&mut self, text: &[u8]) -> io::Result<()> {
            let text = String::from_utf8(text.to_vec()).unwrap();
            let range: Vec<u64> = text
                .rsplitn(3, ',')
                .take(2)
                .map(|field| u64::from_str_radix(field.trim_start_matches("0x"), 16).unwrap())
                .collect();
            let step = if text.starts_with('/') { 512 } else { 2 << 20 };
            self.requests.push(text);
            if let Some(error) = self.error {
                return Err(io::Error::from_raw_os_error(error));
            }
            let all = (range[0] - range[1]) / step;
            let pinned = self
                .pinned
                .iter()
                .filter(|at| (range[1]..range[0]).contains(at))
                .count() as u64;
            let twice = if self.others { 2 } else { 1 };
            self.extents += twice * all;
            self.collapsed += twice * (all - pinned);
            match pinned {
                0 => Ok(()),
                _ => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
            }
        }

        fn figures(&mut self) -> Result<Figures> {
            let failed = self.extents - self.collapsed;
            Ok([
                ("requests", self.requests.len() as u64),
                ("extents", self.extents),
                ("collapsed", self.collapsed),
                ("already_huge", 0),
                ("failed", failed),
                ("failed_pinned", failed),
            ]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
        }
    }

    #[test]
    fn figures_are_files() {
        let directory = std::env::temp_dir().join(format!("shmem-collapse-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in [("extents", "12\n"), ("failed_lru", "0\n"), ("reset", "")] {
            fs::write(directory.join(name), text).unwrap();
        }
        let figures = read_figures(&directory).unwrap();
        assert_eq!(figures.len(), 2);
        assert_eq!(figures["extents"], 12);
        fs::write(directory.join("extents"), "many\n").unwrap();
        assert!(read_figures(&directory).is_err());
        fs::remove_dir_all(&directory).unwrap();
    }
}
