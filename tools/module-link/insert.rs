// SPDX-License-Identifier: GPL-2.0

//! Hands a module to the kernel.

use std::{
    ffi::{
        c_char,
        c_int,
        c_long,
        c_void,
        CString, //
    },
    io, //
};

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;
const EEXIST: i32 = 17;
const ESTALE: i32 = 116;
const EKEYREJECTED: i32 = 129;

#[cfg(target_arch = "x86_64")]
const SYS_INIT_MODULE: c_long = 175;
#[cfg(not(target_arch = "x86_64"))]
const SYS_INIT_MODULE: c_long = 105;

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// What the kernel says of a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    LoadedAlready,
    Error(String),
}

/// Loads the module in `file`, which is gone from this process with it: nothing is left anywhere.
pub(crate) fn insert(file: &[u8], parameters: &CString) -> Result<(), Refusal> {
    let parameters: *const c_char = parameters.as_ptr();
    let start: *const c_void = file.as_ptr().cast();
    // SAFETY: The kernel only reads the file, and the parameters up to their end.
    let result = unsafe { syscall(SYS_INIT_MODULE, start, file.len(), parameters) };
    match result as c_int {
        0 => Ok(()),
        _ => Err(explain(&io::Error::last_os_error())),
    }
}

/// What became of it, by the error that the kernel or the module's init returned.
pub(crate) fn explain(error: &io::Error) -> Refusal {
    Refusal::Error(match error.raw_os_error() {
        Some(EEXIST) => return Refusal::LoadedAlready,
        Some(EPERM) => "the kernel does not let this process load modules".into(),
        Some(ENOENT) => "the kernel lacks something that the module needs, which its log names: \
             build the module for this kernel"
            .into(),
        Some(ENOEXEC) => "the kernel cannot load it, and says in its log why not".into(),
        Some(ESTALE) => {
            "the module found that it was linked with addresses that are not this kernel's: \
             the list of symbols is that of another boot or build"
                .into()
        }
        Some(EKEYREJECTED) => {
            "this kernel takes signed modules only (module.sig_enforce), but no signature holds \
             for one that is linked at load"
                .into()
        }
        _ => format!("it cannot be loaded: {error}"),
    })
}
