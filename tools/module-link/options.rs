// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: module-link --symvers Module.symvers [--btf vmlinux] [--system-map System.map]
                [--module-name NAME] MODULE.ko

  --symvers FILE      what the kernel exports, and to whom
  --btf FILE          the kernel's vmlinux, or its BTF alone: tells functions from data
  --system-map FILE   the kernel's System.map or a copy of its /proc/kallsyms:
                      tells static and ambiguous names
  --module-name NAME  the module's name, if the file is called otherwise";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) symvers: PathBuf,
    pub(crate) btf: Option<PathBuf>,
    pub(crate) system_map: Option<PathBuf>,
    pub(crate) module_name: String,
    pub(crate) module: PathBuf,
}

impl Options {
    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(mut args: impl Iterator<Item = PathBuf>) -> Result<Self, String> {
        let (mut symvers, mut btf, mut system_map, mut name) = (None, None, None, None);
        let mut module = None;

        while let Some(arg) = args.next() {
            let slot = match arg.to_str() {
                Some("--symvers") => &mut symvers,
                Some("--btf") => &mut btf,
                Some("--system-map") => &mut system_map,
                Some("--module-name") => &mut name,
                Some(option) if option.starts_with('-') => {
                    return Err(format!("there is no option {option}"));
                }
                _ if module.is_none() => {
                    module = Some(arg);
                    continue;
                }
                _ => return Err(format!("one module at a time, not also {}", arg.display())),
            };
            let value = args.next();
            *slot = Some(value.ok_or_else(|| format!("{} needs a value", arg.display()))?);
        }

        let module = module.ok_or("no module is given")?;
        let name = name.as_deref().or(module.file_stem().map(AsRef::as_ref));
        Ok(Self {
            symvers: symvers.ok_or("--symvers is not given")?,
            btf,
            system_map,
            // The loader and modpost know a module by its object name, with underscores.
            module_name: name
                .and_then(|name| name.to_str())
                .ok_or("the module's name is not UTF-8")?
                .replace('-', "_"),
            module,
        })
    }
}
