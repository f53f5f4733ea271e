// SPDX-License-Identifier: GPL-2.0

//! Links a module with the addresses of the running kernel and loads it.

use std::{
    ffi::CString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{
        Path,
        PathBuf, //
    },
};

use crate::{
    check,
    elf::{
        self,
        Elf, //
    },
    image::{
        self,
        Layout, //
    },
    imports::{
        self,
        Import,
        Imports, //
    },
    insert::{
        self,
        Refusal, //
    },
    kernel::Kernel,
    modinfo,
    options::LoadOptions,
    running::{
        Rights,
        Running, //
    },
    shape,
    table::{
        How,
        Table, //
    },
    unpack::unpack, //
};

const OWN_BTF: &str = "/sys/kernel/btf/vmlinux";

/// A module that the kernel can load.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) file: Vec<u8>,
    /// How many symbols stand for addresses now.
    pub(crate) symbols: usize,
}

/// Whether this program has to link a module before it is loaded.
pub(crate) fn is_for_us(file: &[u8]) -> Result<bool, String> {
    let module = Elf::parse(file)?;
    Ok(modinfo::value(&module, modinfo::LINK_AT_LOAD)?.is_some())
}

/// Links the module in `file`, which names what it needs, with the addresses of `running`.
///
/// `btf` is the kernel's image, or its BTF alone; without, the letters of the list tell functions
/// from data.
pub(crate) fn link(
    file: &[u8],
    running: &Running,
    rights: &Rights,
    btf: Option<&[u8]>,
) -> Result<Linked, Vec<String>> {
    let one = |error: String| vec![error];
    // It would not hold for what comes out.
    let file = elf::without_signature(file).map_err(one)?;
    let mut module = Elf::parse(file).map_err(one)?;
    module.require_module(file).map_err(one)?;
    let names = modinfo::value(&module, modinfo::LINK_AT_LOAD)
        .map_err(one)?
        .unwrap_or("");
    let names: Vec<_> = names.split(',').collect();
    let imports = imports::find_named(&module, &names).map_err(one)?;
    if imports.converted {
        return Err(one(
            "it is linked for livepatch as well: link it anew".into()
        ));
    }
    shape::check(&module, imports.arch, imports.symtab).map_err(one)?;
    check_identity(&module, running, btf).map_err(one)?;
    let table = Table::find(&module, imports.arch, imports.symtab)
        .and_then(|table| {
            table.ok_or_else(|| "it cannot tell the addresses of another boot".into())
        })
        .map_err(one)?;

    let layout = Layout::of(&running.kallsyms).map_err(one)?;
    if layout.is_hidden() {
        return Err(one(rights.why_hidden()));
    }
    let mut kernel = Kernel::new(
        &names
            .iter()
            .copied()
            .chain(table.names.iter().map(String::as_str))
            .collect::<Vec<_>>(),
    );
    if let Some(btf) = btf {
        kernel.add_image(btf).map_err(one)?;
    }
    kernel.add_map(&running.kallsyms);
    check::check(&imports, &kernel)?;

    let addresses = addresses(&imports, &kernel, &layout)?;
    for (pair, name) in table.names.iter().enumerate() {
        let address = check_variable(name, &kernel).map_err(one)?;
        table.set_address(&mut module, pair, address);
    }
    for (import, address) in imports.symbols.iter().zip(&addresses) {
        imports
            .symtab
            .make_absolute(&mut module, import.index, *address);
    }
    table.set_how(&mut module, How::Load);
    Ok(Linked {
        file: module.to_bytes(),
        symbols: addresses.len(),
    })
}

/// Checks that module, image and list of symbols all are those of the running kernel.
fn check_identity(module: &Elf<'_>, running: &Running, btf: Option<&[u8]>) -> Result<(), String> {
    running.check_list()?;
    running.check_vermagic(modinfo::value(module, "vermagic")?)?;
    running.check_build_id(
        "the image that it was linked for",
        modinfo::value(module, modinfo::LINK_BUILD_ID)?,
    )?;
    running.check_build_id("the image", btf.and_then(image::build_id_of).as_deref())
}

/// The addresses of all imports in their order, or a sentence about each one that is refused.
fn addresses(imports: &Imports, kernel: &Kernel, layout: &Layout) -> Result<Vec<u64>, Vec<String>> {
    let address = |import: &Import| {
        // What else has an address of it might use that before the module's init can check it.
        if let Some(found) = import.uses.iter().find(|found| !found.code) {
            return Err(format!(
                "{} is used in {}, which the kernel reads before the module can check its \
                 addresses: use it in code only",
                import.name, found.section
            ));
        }
        let address = kernel.facts(&import.name).address.unwrap_or(0);
        layout.check(&import.name, address)?;
        Ok(address)
    };
    let (mut addresses, mut errors) = (Vec::new(), Vec::new());
    for result in imports.symbols.iter().map(address) {
        match result {
            Ok(address) => addresses.push(address),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(addresses)
    } else {
        Err(errors)
    }
}

/// The address of a variable that the module compares.
fn check_variable(name: &str, kernel: &Kernel) -> Result<u64, String> {
    let facts = kernel.facts(name);
    match facts.address {
        Some(address) if facts.definitions == Some(1) => Ok(address),
        _ => Err(format!(
            "the list of symbols does not have {name} once: a kernel with CONFIG_KALLSYMS_ALL \
             is needed"
        )),
    }
}

/// The file of a module that is given by its file or by its name.
fn find(module: &Path, release: &str) -> Result<PathBuf, String> {
    let text = module.to_str().unwrap_or("/");
    if text.contains('/') || text.contains(".ko") {
        return Ok(module.into());
    }
    let folder = Path::new("/lib/modules").join(release);
    let list = fs::read_to_string(folder.join("modules.dep"))
        .map_err(|error| format!("{}/modules.dep: {error}", folder.display()))?;
    file_in_list(&list, text)
        .map(|file| folder.join(file))
        .ok_or_else(|| {
            format!(
                "{} has no module {text}: build it for this kernel",
                folder.display()
            )
        })
}

/// The file of a module according to `modules.dep`.
pub(crate) fn file_in_list<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let name = name.replace('-', "_");
    list.lines()
        .filter_map(|line| line.split(':').next())
        .find(|file| {
            let base = file.rsplit('/').next().unwrap_or(file);
            base.split(".ko").next().map(|base| base.replace('-', "_")) == Some(name.clone())
        })
}

/// Loads a module, linked if it needs to be; returns what there is to say.
pub(crate) fn run(options: &LoadOptions) -> Result<Vec<String>, Vec<String>> {
    let one = |error: String| vec![error];
    let rights = Rights::read();
    rights.check().map_err(one)?;
    let running = Running::read(&options.proc).map_err(one)?;
    let path = find(&options.module, &running.release).map_err(one)?;
    let name = path.display();
    let named = |errors: Vec<String>| -> Vec<String> {
        errors
            .iter()
            .map(|error| format!("{name}: {error}"))
            .collect()
    };

    let file = crate::read(&path).map_err(one)?;
    let file = unpack(file).map_err(one).map_err(named)?;
    let linked = match is_for_us(&file).map_err(one).map_err(named)? {
        false => Linked { file, symbols: 0 },
        true => {
            rights.check_unsigned().map_err(one).map_err(named)?;
            let btf = match &options.btf {
                Some(path) => Some(crate::read(path).map_err(one)?),
                None => fs::read(OWN_BTF).ok(),
            };
            link(&file, &running, &rights, btf.as_deref()).map_err(named)?
        }
    };

    let parameters = CString::new(options.parameters.clone().into_vec())
        .map_err(|_| one("a parameter has a zero byte".into()))?;
    match insert::insert(&linked.file, &parameters) {
        Ok(()) if options.quiet => Ok(Vec::new()),
        Ok(()) => Ok(vec![format!(
            "{name}: loaded, with {} symbols linked at load",
            linked.symbols
        )]),
        Err(Refusal::LoadedAlready) if options.quiet => Ok(Vec::new()),
        Err(Refusal::LoadedAlready) => Err(named(one("a module of that name is loaded".into()))),
        Err(Refusal::Error(error)) => Err(named(one(error))),
    }
}
