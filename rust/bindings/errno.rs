// SPDX-License-Identifier: GPL-2.0

//! Errors that `kernel::error` of Linux 7.2 does not have as constants.

use core::mem;
use kernel::{
    bindings,
    ffi::c_int,
    prelude::*, //
};

const fn error(number: u32) -> Error {
    assert!(number > 0 && number <= bindings::MAX_ERRNO);
    // SAFETY: The number is a valid one, as `Error` demands. An `Error` holds it as an `i32`, and
    // nothing else has room in it, since the sizes are compared when this is compiled.
    unsafe { mem::transmute::<c_int, Error>(-(number as c_int)) }
}

/// Disk quota exceeded.
pub(crate) const EDQUOT: Error = error(bindings::EDQUOT);
/// Memory page has hardware error.
pub(crate) const EHWPOISON: Error = error(bindings::EHWPOISON);
/// No data available.
pub(crate) const ENODATA: Error = error(bindings::ENODATA);
/// Operation not supported.
pub(crate) const EOPNOTSUPP: Error = error(bindings::EOPNOTSUPP);
/// Structure needs cleaning.
pub(crate) const EUCLEAN: Error = error(bindings::EUCLEAN);

#[kunit_tests(shmem_collapse_errno)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_numbers() {
        for (error, number) in [
            (EDQUOT, bindings::EDQUOT),
            (EHWPOISON, bindings::EHWPOISON),
            (ENODATA, bindings::ENODATA),
            (EOPNOTSUPP, bindings::EOPNOTSUPP),
            (EUCLEAN, bindings::EUCLEAN),
        ] {
            assert_eq!(error.to_errno(), -(number as c_int));
        }
    }
}
