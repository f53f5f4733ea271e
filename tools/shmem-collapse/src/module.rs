// SPDX-License-Identifier: GPL-2.0

//! The kernel module: its device, which takes requests and answers them, and
//! its statistics in sysfs.

use anyhow::{Context, Result, anyhow, bail};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

const DIRECTORY: &str = "/sys/kernel/mm/shmem_collapse";
const DEVICE: &str = "/dev/shmem_collapse";

/// Longer than any answer.
const ANSWER_BYTES: usize = 1 << 16;

/// All figures by name.
pub(crate) type Figures = BTreeMap<String, u64>;

/// What carries requests out.
pub(crate) trait Module {
    /// Makes one request and waits for its end.
    fn write(&self, text: &[u8]) -> io::Result<()>;
    /// What became of it, or has until now.
    fn answer(&self) -> io::Result<Figures>;
}

/// The module that is loaded.
pub(crate) struct Loaded {
    device: File,
}

impl Loaded {
    pub(crate) fn open() -> Result<Self> {
        directory()?;
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            // What else may have that name shall not keep us waiting.
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(DEVICE)
            .map_err(|error| no_device(&error))?;
        Ok(Self { device })
    }
}

fn no_device(error: &io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            anyhow!("only root may make memory huge: run this as root (sudo)")
        }
        ErrorKind::NotFound => anyhow!(
            "the module is loaded, but there is no {DEVICE}: mount devtmpfs on /dev, \
             or make a node with the numbers in /sys/class/misc/shmem_collapse/dev"
        ),
        _ => anyhow!("{DEVICE} is not the module's device: {error}"),
    }
}

impl Module for Loaded {
    fn write(&self, text: &[u8]) -> io::Result<()> {
        match (&self.device).write(text)? {
            written if written == text.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }

    fn answer(&self) -> io::Result<Figures> {
        let mut text = vec![0; ANSWER_BYTES];
        let read = self.device.read_at(&mut text, 0)?;
        text.truncate(read);
        parse_answer(&String::from_utf8_lossy(&text))
    }
}

/// Lines of a name and a number.
fn parse_answer(text: &str) -> io::Result<Figures> {
    text.lines()
        .map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, format!("{DEVICE} has no figures")))
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
    use std::cell::{Cell, RefCell};

    /// A module that has one answer.
    pub(crate) struct Pretended {
        written: RefCell<Vec<String>>,
        /// Signals that come before the end.
        signals: Cell<u32>,
        end: Result<(), i32>,
        figures: Figures,
    }

    impl Pretended {
        pub(crate) fn answering(end: Result<(), i32>, figures: &[(&str, u64)]) -> Self {
            Self {
                written: RefCell::default(),
                signals: Cell::default(),
                end,
                figures: figures
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), *value))
                    .collect(),
            }
        }

        pub(crate) fn interrupt(&self, signals: u32) {
            self.signals.set(signals);
        }

        pub(crate) fn written(&self) -> Vec<String> {
            self.written.borrow().clone()
        }
    }

    impl Module for Pretended {
        fn write(&self, text: &[u8]) -> io::Result<()> {
            let text = String::from_utf8_lossy(text).into_owned();
            self.written.borrow_mut().push(text);
            if let Some(left) = self.signals.get().checked_sub(1) {
                self.signals.set(left);
                return Err(io::Error::from_raw_os_error(libc::EINTR));
            }
            self.end.map_err(io::Error::from_raw_os_error)
        }

        fn answer(&self) -> io::Result<Figures> {
            Ok(self.figures.clone())
        }
    }

    #[test]
    fn an_answer_is_lines_of_names_and_numbers() {
        let figures = parse_answer("running 0\nextents 12\nfailed_new 1\n").unwrap();
        assert_eq!(figures["extents"], 12);
        assert_eq!(figures["failed_new"], 1);
        assert!(parse_answer("").unwrap().is_empty());
        for wrong in [
            "extents",
            "extents ",
            "extents x",
            "extents -1",
            "a 1\n\nb 2",
            "\u{fffd}",
        ] {
            assert!(parse_answer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_device_is_told() {
        for (kind, words) in [
            (ErrorKind::PermissionDenied, "root"),
            (ErrorKind::NotFound, "no /dev/shmem_collapse"),
            (ErrorKind::NotADirectory, "not the module's device"),
        ] {
            let told = no_device(&kind.into()).to_string();
            assert!(told.contains(words), "{told}");
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
