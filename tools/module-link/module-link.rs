// SPDX-License-Identifier: GPL-2.0

//! Links a module against functions and data that the kernel does not export.
//!
//! Run after the final link of the module. Every undefined symbol that `Module.symvers` does not
//! offer to this module either becomes a livepatch symbol, and the relocations that use it livepatch
//! relocations, which the module loader resolves through kallsyms (the format is in the kernel's
//! `Documentation/livepatch/module-elf-format.rst`); or its name is noted, and `module-link load`
//! makes it an absolute symbol when it loads the module, with the address that `/proc/kallsyms`
//! shows. Only what stays correct is linked: see `check.rs` for what is refused and why.

mod arch;
mod btf;
mod bytes;
mod check;
mod convert;
mod elf;
mod image;
mod imports;
mod insert;
mod kernel;
mod load;
mod modinfo;
mod options;
mod running;
mod shape;
mod symtab;
mod symvers;
mod sysmap;
mod table;
#[cfg(test)]
mod tests;
mod unpack;

use std::{
    fs,
    io::{
        self,
        Write, //
    },
    path::{
        Path,
        PathBuf, //
    },
    process::ExitCode, //
};

use crate::{
    elf::Elf,
    imports::Imports,
    kernel::Kernel,
    options::{
        Command,
        Link,
        Options, //
    },
    symvers::Symvers, //
};

/// What a run has to say: one line each.
type Report = Vec<String>;

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Puts `data` in the place of `path`, which is either the old or the new file at any moment.
fn replace(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);

    let written = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(data)?;
        file.set_permissions(fs::metadata(path)?.permissions())?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The first error is the one to report; a file that was never made cannot be removed.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Reads what is known about the kernel's own symbols, as far as `names` are concerned.
fn read_kernel(options: &Options, names: &[&str], report: &mut Report) -> Result<Kernel, String> {
    let mut kernel = Kernel::new(names);
    if let Some(path) = &options.btf {
        let image = read(path)?;
        kernel
            .add_image(&image)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        kernel.build_id = image::build_id_of(&image);
    }
    if let Some(path) = &options.system_map {
        if !kernel.add_map(&read(path)?) {
            report.push(format!(
                "note: {} is not the symbol table of a whole kernel, it is not used",
                path.display()
            ));
        }
    }
    kernel.require_source()?;
    if !kernel.knows_linkage() {
        report.push(
            "note: static and ambiguous names are not looked for: \
             give the kernel's System.map or a copy of its /proc/kallsyms with --system-map"
                .into(),
        );
    }
    Ok(kernel)
}

/// Why a module needs no conversion, if it needs none.
fn needs_nothing(
    module: &Elf<'_>,
    imports: &Imports,
    link: Link,
) -> Result<Option<&'static str>, String> {
    let noted = modinfo::value(module, modinfo::LINK_AT_LOAD)?;
    let names = || imports.symbols.iter().map(|import| import.name.as_str());
    match (link, imports.converted, noted) {
        (Link::Livepatch, true, None) => Ok(Some("is already converted")),
        (Link::Load, false, Some(noted)) if noted.split(',').eq(names()) => {
            Ok(Some("is already prepared"))
        }
        (_, false, None) if imports.symbols.is_empty() => Ok(Some("uses exported symbols only")),
        (_, false, None) => Ok(None),
        _ => Err("it was linked in another way: link it anew".into()),
    }
}

/// Converts the module, or says why it needs no conversion.
fn link(options: &Options) -> Result<Report, Vec<String>> {
    let one = |error: String| vec![error];
    let name = options.module.display();
    let in_module = |error: String| vec![format!("{name}: {error}")];

    let file = read(&options.module).map_err(one)?;
    let mut module = Elf::parse(&file).map_err(in_module)?;
    module.require_module(&file).map_err(in_module)?;
    let symvers = read(&options.symvers).map_err(one)?;
    let symvers = Symvers::parse(&symvers)
        .map_err(|error| one(format!("{}: {error}", options.symvers.display())))?;

    let imports = imports::find(&module, &symvers, &options.module_name).map_err(in_module)?;
    if let Some(why) = needs_nothing(&module, &imports, options.link).map_err(in_module)? {
        return Ok(vec![format!("{name} {why}, left as it is")]);
    }

    let mut report = Report::new();
    let names: Vec<_> = imports.symbols.iter().map(|i| i.name.as_str()).collect();
    let kernel = read_kernel(options, &names, &mut report).map_err(one)?;
    let kinds = check::check(&imports, &kernel).map_err(|errors| {
        errors
            .iter()
            .map(|e| format!("{name}: {e}"))
            .collect::<Vec<_>>()
    })?;

    let left = match options.link {
        Link::Livepatch => {
            let sections = convert::convert(&mut module, &imports).map_err(in_module)?;
            format!("in {sections} sections left to livepatch")
        }
        Link::Load => {
            convert::leave(&mut module, &imports, kernel.build_id.as_deref()).map_err(in_module)?;
            "left to 'module-link load'".into()
        }
    };
    replace(&options.module, &module.to_bytes())
        .map_err(|error| one(format!("cannot write {name}: {error}")))?;

    let mut total = 0;
    for (import, kind) in imports.symbols.iter().zip(kinds) {
        let count = import.uses.len();
        report.push(format!("{}: {kind}, {count} relocations", import.name));
        total += count;
    }
    report.push(format!(
        "{name}: {} symbols, {total} relocations {left}",
        imports.symbols.len()
    ));
    Ok(report)
}

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args_os().skip(1).map(PathBuf::from)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("module-link: {error}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let result = match &command {
        Command::Link(options) => link(options),
        Command::Load(options) => load::run(options),
    };
    match result {
        Ok(report) => {
            report
                .iter()
                .for_each(|line| println!("module-link: {line}"));
            ExitCode::SUCCESS
        }
        Err(errors) => {
            errors
                .iter()
                .for_each(|line| eprintln!("module-link: {line}"));
            ExitCode::FAILURE
        }
    }
}
