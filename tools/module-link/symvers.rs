// SPDX-License-Identifier: GPL-2.0

//! `Module.symvers`: what the kernel and its modules export, and to whom.

use std::collections::HashMap;

/// The exports by symbol name.
#[derive(Debug)]
pub(crate) struct Symvers<'a> {
    exports: HashMap<&'a str, Export<'a>>,
}

#[derive(Debug)]
struct Export<'a> {
    owner: &'a str,
    namespace: &'a str,
}

/// How a module gets at a symbol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access<'a> {
    /// By an ordinary import.
    Exported,
    /// Not by an import, it is not exported or only to others.
    Unexported,
    /// In no way: a module, which may not be loaded, exports it to others.
    OtherModules(&'a str),
}

impl<'a> Symvers<'a> {
    /// Reads lines of CRC, symbol, owner, kind and namespace, separated by tabs.
    pub(crate) fn parse(file: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(file).map_err(|_| "it is not text")?;
        let mut exports = HashMap::new();

        for (number, line) in text.lines().enumerate() {
            let mut fields = line.split('\t').skip(1);
            let (Some(name), Some(owner), Some(_)) = (fields.next(), fields.next(), fields.next())
            else {
                return Err(format!("line {} is not an export", number + 1));
            };
            let namespace = fields.next().unwrap_or("");
            exports.insert(name, Export { owner, namespace });
        }
        if exports.is_empty() {
            return Err("it lists no exports: build or install the kernel's first".into());
        }
        Ok(Self { exports })
    }

    /// How `module` gets at `symbol`.
    pub(crate) fn access(&self, symbol: &str, module: &str) -> Access<'a> {
        let Some(export) = self.exports.get(symbol) else {
            return Access::Unexported;
        };
        // The loader checks an ordinary namespace against the module's own list of imports.
        let Some(modules) = export.namespace.strip_prefix("module:") else {
            return Access::Exported;
        };
        if modules.split(',').any(|pattern| matches(pattern, module)) {
            Access::Exported
        } else if export.owner == "vmlinux" {
            Access::Unexported
        } else {
            Access::OtherModules(export.owner)
        }
    }
}

/// A pattern is a module's name, in which `-` equals `_`, or the beginning of one and `*`.
fn matches(pattern: &str, module: &str) -> bool {
    let pattern = pattern.replace('-', "_");
    match pattern.strip_suffix('*') {
        Some(prefix) => module.starts_with(prefix),
        None => pattern == module,
    }
}
