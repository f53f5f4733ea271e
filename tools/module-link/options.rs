// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::{
    ffi::OsString,
    path::PathBuf, //
};

pub(crate) const USAGE: &str = "\
usage: module-link --symvers Module.symvers [--btf vmlinux] [--system-map System.map]
                [--module-name NAME] [--link livepatch|load] MODULE.ko
       module-link load [--btf vmlinux] [--proc DIR] [--quiet] MODULE [PARAMETER=VALUE]...

The first form prepares a module after its final link, in place:
  --symvers FILE      what the kernel exports, and to whom
  --btf FILE          the kernel's vmlinux, or its BTF alone: tells functions from data
  --system-map FILE   the kernel's System.map or a copy of its /proc/kallsyms:
                      tells static and ambiguous names
  --module-name NAME  the module's name, if the file is called otherwise
  --link livepatch    livepatch resolves what is not exported (the default)
  --link load         'module-link load' resolves it

The second form loads a module into the running kernel. MODULE is a file (.ko, .ko.xz,
.ko.zst, .ko.gz), or the name of a module in /lib/modules.
  --btf FILE          the running kernel's vmlinux (default /sys/kernel/btf/vmlinux)
  --proc DIR          where kallsyms and version are (default /proc)
  --quiet             says nothing but errors, and nothing of a module that is loaded already";

/// What becomes of the symbols that the kernel does not export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Livepatch resolves them.
    Livepatch,
    /// This program resolves them when it loads the module.
    Load,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Link(Options),
    Load(LoadOptions),
}

/// How a module is prepared after its final link.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) symvers: PathBuf,
    pub(crate) btf: Option<PathBuf>,
    pub(crate) system_map: Option<PathBuf>,
    pub(crate) module_name: String,
    pub(crate) link: Link,
    pub(crate) module: PathBuf,
}

/// How a module is loaded.
#[derive(Debug)]
pub(crate) struct LoadOptions {
    pub(crate) btf: Option<PathBuf>,
    pub(crate) proc: PathBuf,
    pub(crate) quiet: bool,
    pub(crate) module: PathBuf,
    /// What the kernel hands to the module, as it takes it.
    pub(crate) parameters: OsString,
}

impl Command {
    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(args: impl Iterator<Item = PathBuf>) -> Result<Self, String> {
        let mut args = args.peekable();
        if args.next_if(|arg| arg.as_os_str() == "load").is_some() {
            return LoadOptions::parse(args).map(Self::Load);
        }
        Options::parse(args).map(Self::Link)
    }
}

impl Options {
    /// Reads the arguments of the first form.
    pub(crate) fn parse(mut args: impl Iterator<Item = PathBuf>) -> Result<Self, String> {
        let (mut symvers, mut btf, mut system_map, mut name) = (None, None, None, None);
        let (mut link, mut module) = (None, None);

        while let Some(arg) = args.next() {
            let slot = match arg.to_str() {
                Some("--symvers") => &mut symvers,
                Some("--btf") => &mut btf,
                Some("--system-map") => &mut system_map,
                Some("--module-name") => &mut name,
                Some("--link") => &mut link,
                Some(option) if option.starts_with('-') => return Err(unknown(option)),
                _ if module.is_none() => {
                    module = Some(arg);
                    continue;
                }
                _ => return Err(format!("one module at a time, not also {}", arg.display())),
            };
            *slot = Some(value_of(&arg, args.next())?);
        }

        let module = module.ok_or("no module is given")?;
        let name = name.as_deref().or(module.file_stem().map(AsRef::as_ref));
        let link = match link.as_ref().map(|link| link.to_str()) {
            None | Some(Some("livepatch")) => Link::Livepatch,
            Some(Some("load")) => Link::Load,
            Some(_) => return Err("--link may be livepatch or load".into()),
        };
        Ok(Self {
            symvers: symvers.ok_or("--symvers is not given")?,
            btf,
            system_map,
            // The loader and modpost know a module by its object name, with underscores.
            module_name: name
                .and_then(|name| name.to_str())
                .ok_or("the module's name is not UTF-8")?
                .replace('-', "_"),
            link,
            module,
        })
    }
}

impl LoadOptions {
    /// Reads the arguments of the second form, without the word itself.
    fn parse(mut args: impl Iterator<Item = PathBuf>) -> Result<Self, String> {
        let (mut btf, mut proc, mut quiet) = (None, None, false);
        let module = loop {
            let arg = args.next().ok_or("no module is given")?;
            let slot = match arg.to_str() {
                Some("--btf") => &mut btf,
                Some("--proc") => &mut proc,
                Some("--quiet") => {
                    quiet = true;
                    continue;
                }
                Some(option) if option.starts_with('-') => return Err(unknown(option)),
                _ => break arg,
            };
            *slot = Some(value_of(&arg, args.next())?);
        };
        let parameters: Vec<_> = args.map(PathBuf::into_os_string).collect();
        Ok(Self {
            btf,
            proc: proc.unwrap_or("/proc".into()),
            quiet,
            module,
            parameters: parameters.join(" ".as_ref()),
        })
    }
}

fn unknown(option: &str) -> String {
    format!("there is no option {option}")
}

fn value_of(option: &PathBuf, value: Option<PathBuf>) -> Result<PathBuf, String> {
    value.ok_or_else(|| format!("{} needs a value", option.display()))
}
