// SPDX-License-Identifier: GPL-2.0

//! `.modinfo`: what a module says of itself, as strings of the form `TAG=VALUE`.

use crate::elf::Elf;

/// Names, between commas, what is not exported and resolved by this program.
pub(crate) const LINK_AT_LOAD: &str = "link_at_load";
/// The build id of the image that the module was checked against, in hexadecimal digits.
pub(crate) const LINK_BUILD_ID: &str = "link_build_id";

/// The number of the section, whose last string is complete.
fn section(module: &Elf<'_>) -> Result<usize, String> {
    let number = module
        .find(".modinfo")
        .ok_or("it has no .modinfo section")?;
    match module.sections[number].data.last() {
        None | Some(0) => Ok(number),
        Some(_) => Err("its .modinfo section is cut off".into()),
    }
}

/// The value of the first string with this tag.
pub(crate) fn value<'e>(module: &'e Elf<'_>, tag: &str) -> Result<Option<&'e str>, String> {
    let data = &module.sections[section(module)?].data;
    for text in data.split(|&byte| byte == 0) {
        let value = text
            .strip_prefix(tag.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"="));
        if let Some(value) = value {
            return std::str::from_utf8(value)
                .map(Some)
                .map_err(|_| format!("its {tag} is not text"));
        }
    }
    Ok(None)
}

/// Appends a string.
pub(crate) fn push(module: &mut Elf<'_>, tag: &str, value: &str) -> Result<(), String> {
    let number = section(module)?;
    module.push_string(number, &format!("{tag}={value}"))?;
    Ok(())
}
