// SPDX-License-Identifier: GPL-2.0

//! The kernel that runs, and what this process may do in it.

use std::{
    fs,
    path::Path, //
};

use crate::{
    bytes::Endian,
    image, //
};

const CAP_SYS_MODULE: u32 = 16;
const CAP_SYSLOG: u32 = 34;

/// What identifies the running kernel, and its list of symbols.
#[derive(Debug)]
pub(crate) struct Running {
    /// As `uname -r` and `uname -v` say it.
    pub(crate) release: String,
    pub(crate) version: String,
    pub(crate) build_id: Option<String>,
    /// The version that the list of symbols came with.
    pub(crate) proc_version: String,
    pub(crate) kallsyms: Vec<u8>,
}

impl Running {
    /// Reads all of it, with the list of symbols from the directory `proc`.
    pub(crate) fn read(proc: &Path) -> Result<Self, String> {
        let endian = match cfg!(target_endian = "big") {
            true => Endian::Big,
            false => Endian::Little,
        };
        Ok(Self {
            release: line("/proc/sys/kernel/osrelease".as_ref())?,
            version: line("/proc/sys/kernel/version".as_ref())?,
            build_id: fs::read("/sys/kernel/notes")
                .ok()
                .and_then(|notes| image::build_id(&notes, endian)),
            proc_version: line(&proc.join("version"))?,
            kallsyms: crate::read(&proc.join("kallsyms"))?,
        })
    }

    /// Checks that the list of symbols is that of this kernel.
    pub(crate) fn check_list(&self) -> Result<(), String> {
        let release = format!("Linux version {} ", self.release);
        if self.proc_version.starts_with(&release) && self.proc_version.ends_with(&self.version) {
            return Ok(());
        }
        Err(format!(
            "the list of symbols is that of another kernel, \"{}\", and this is Linux {} {}",
            self.proc_version, self.release, self.version
        ))
    }

    /// Checks the build id of an image, or of the one that a module was checked against.
    pub(crate) fn check_build_id(&self, what: &str, id: Option<&str>) -> Result<(), String> {
        match (id, &self.build_id) {
            (Some(id), Some(own)) if id != own => Err(format!(
                "{what} is that of another build of the kernel: its build id is {id}, not {own}"
            )),
            _ => Ok(()),
        }
    }

    /// Checks that a module was built for this kernel.
    pub(crate) fn check_vermagic(&self, vermagic: Option<&str>) -> Result<(), String> {
        let release = vermagic
            .and_then(|text| text.split(' ').next())
            .unwrap_or("");
        if release == self.release {
            return Ok(());
        }
        Err(format!(
            "it was built for Linux {release}, and this is Linux {}: build it for this one",
            self.release
        ))
    }
}

fn line(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.trim_end().into())
}

/// What decides whether this process may load a module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    pub(crate) may_load: bool,
    pub(crate) may_see: bool,
    pub(crate) kptr_restrict: u32,
    pub(crate) modules_disabled: bool,
    /// The mode of lockdown, if it is on.
    pub(crate) lockdown: Option<String>,
}

impl Rights {
    /// Reads them from `/proc` and `/sys`.
    pub(crate) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let number = |path: &str| text(path).trim().parse().unwrap_or(0);
        let capabilities = capabilities(&text("/proc/self/status"));
        let has = |capability: u32| capabilities >> capability & 1 != 0;
        Self {
            may_load: has(CAP_SYS_MODULE),
            may_see: has(CAP_SYSLOG),
            kptr_restrict: number("/proc/sys/kernel/kptr_restrict"),
            modules_disabled: number("/proc/sys/kernel/modules_disabled") != 0,
            lockdown: lockdown(&text("/sys/kernel/security/lockdown")),
        }
    }

    /// Refuses to begin what the kernel would refuse in the end.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !self.may_load {
            return Err("loading a module needs CAP_SYS_MODULE: run this as root".into());
        }
        if self.modules_disabled {
            return Err("this kernel loads no more modules until it boots again: \
                 kernel.modules_disabled is 1"
                .into());
        }
        Ok(())
    }

    /// The same for a module that is linked at load.
    pub(crate) fn check_unsigned(&self) -> Result<(), String> {
        match &self.lockdown {
            None => Ok(()),
            Some(mode) => Err(format!(
                "this kernel is locked down ({mode}), as with Secure Boot, and takes signed \
                 modules only, but no signature holds for one that is linked at load"
            )),
        }
    }

    /// Why the list of symbols has no addresses.
    pub(crate) fn why_hidden(&self) -> String {
        if !self.may_see {
            "the kernel's addresses are hidden from who lacks CAP_SYSLOG: run this as root".into()
        } else if self.kptr_restrict > 1 {
            format!(
                "the kernel's addresses are hidden from everybody: kernel.kptr_restrict is {}, \
                 set it to 1 until the module is loaded (sysctl kernel.kptr_restrict=1)",
                self.kptr_restrict
            )
        } else {
            "the kernel's addresses are hidden here, as in a container: \
             run this in the initial user namespace"
                .into()
        }
    }
}

/// The effective capabilities that `/proc/PID/status` shows.
pub(crate) fn capabilities(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .unwrap_or(0)
}

/// The mode between brackets, unless it is "none".
pub(crate) fn lockdown(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (mode, _) = rest.split_once(']')?;
    (mode != "none").then(|| mode.into())
}
