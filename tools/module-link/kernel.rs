// SPDX-License-Identifier: GPL-2.0

//! What is known about the kernel's own symbols, from its image and from its symbol list.

use std::collections::HashMap;

use crate::{
    btf,
    elf::Elf,
    symtab::{
        Symtab,
        SHN_UNDEF, //
    },
    sysmap, //
};

/// These exist in every kernel, so a list without them is not that of a whole kernel.
const ALWAYS_THERE: [&str; 2] = ["_text", "_stext"];

/// What is known about one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// How many symbols have the name; `None` if no list of symbols is at hand.
    pub(crate) definitions: Option<usize>,
    pub(crate) is_static: bool,
    /// Whether it is a function, if that is known.
    pub(crate) function: Option<bool>,
    /// BTF was searched, and no function has the name.
    pub(crate) not_in_btf: bool,
    /// Where it is according to the last list that was taken in, if that had addresses.
    pub(crate) address: Option<u64>,
}

/// The sum of the sources.
#[derive(Debug)]
pub(crate) struct Kernel {
    names: HashMap<String, Facts>,
    /// That of the image, if one was taken in that has it.
    pub(crate) build_id: Option<String>,
    symbols: bool,
    types: bool,
    linkage: bool,
}

/// One symbol as a list has it.
struct Entry<'a> {
    name: &'a str,
    is_static: bool,
    function: Option<bool>,
    address: Option<u64>,
}

impl Kernel {
    /// Nothing is known yet, and only `names` will be.
    pub(crate) fn new(names: &[&str]) -> Self {
        Self {
            names: names
                .iter()
                .map(|&name| (name.into(), Facts::default()))
                .collect(),
            build_id: None,
            symbols: false,
            types: false,
            linkage: false,
        }
    }

    /// Takes in the symbols and the types of a `vmlinux`, whichever it has, or mere BTF.
    pub(crate) fn add_image(&mut self, file: &[u8]) -> Result<(), String> {
        if btf::is_btf(file) {
            return self.add_types(file);
        }
        let image = Elf::parse(file)?;
        if let Some(symtab) = Symtab::find(&image)? {
            let mut entries = Vec::new();
            for index in 1..symtab.len(&image) {
                let symbol = symtab.symbol(&image, index)?;
                if symbol.section != SHN_UNDEF {
                    entries.push(Entry {
                        name: symbol.name,
                        is_static: symbol.is_local(),
                        function: symbol.is_function(),
                        address: None,
                    });
                }
            }
            self.add_symbols(&entries);
        }
        match image.find(".BTF") {
            Some(types) => self.add_types(&image.sections[types].data),
            None if self.symbols => Ok(()),
            None => Err("it has neither symbols nor BTF".into()),
        }
    }

    /// Takes in a `System.map`; returns whether it is one of a whole kernel.
    pub(crate) fn add_map(&mut self, file: &[u8]) -> bool {
        let entries: Vec<_> = sysmap::symbols(file)
            .map(|symbol| Entry {
                name: symbol.name,
                is_static: symbol.letter.is_ascii_lowercase(),
                // T does not say function: the kernel may keep data in executable sections of its
                // file. All other letters but W say data.
                function: (!matches!(symbol.letter, b'T' | b't' | b'W')).then_some(false),
                address: (symbol.address != 0).then_some(symbol.address),
            })
            .collect();
        self.add_symbols(&entries)
    }

    fn add_symbols(&mut self, entries: &[Entry<'_>]) -> bool {
        if !entries
            .iter()
            .any(|entry| ALWAYS_THERE.contains(&entry.name))
        {
            return false;
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for entry in entries {
            if let Some(facts) = self.names.get_mut(entry.name) {
                *counts.entry(entry.name).or_default() += 1;
                facts.is_static |= entry.is_static;
                facts.function = facts.function.or(entry.function);
                facts.address = entry.address.or(facts.address);
            }
        }
        for (name, facts) in &mut self.names {
            let count = counts.get(name.as_str()).copied().unwrap_or(0);
            facts.definitions = facts.definitions.max(Some(count));
        }
        self.symbols = true;
        true
    }

    fn add_types(&mut self, data: &[u8]) -> Result<(), String> {
        let functions = btf::functions(data)?;
        // Some versions of pahole call every function static.
        let linkage = functions.iter().any(|function| !function.is_static);
        for facts in self.names.values_mut() {
            facts.not_in_btf = true;
        }
        for function in functions {
            if let Some(facts) = self.names.get_mut(function.name) {
                facts.not_in_btf = false;
                facts.function = Some(true);
                facts.is_static |= linkage && function.is_static;
            }
        }
        self.types = true;
        self.linkage |= linkage;
        Ok(())
    }

    /// Refuses to work without any source.
    pub(crate) fn require_source(&self) -> Result<(), String> {
        if self.symbols || self.types {
            return Ok(());
        }
        Err("nothing tells the kernel's functions from its data: \
             give its vmlinux with --btf or its System.map with --system-map"
            .into())
    }

    /// Whether static names can be told.
    pub(crate) fn knows_linkage(&self) -> bool {
        self.symbols || self.linkage
    }

    /// What is known about a name that was given to [`Self::new`].
    pub(crate) fn facts(&self, name: &str) -> Facts {
        self.names.get(name).cloned().unwrap_or_default()
    }
}
