// SPDX-License-Identifier: GPL-2.0

//! Unit tests, on small files that they make themselves.

mod build;
mod convert;
mod malformed;
mod namespaces;
mod options;
mod refuse;
mod scene;
mod sources;
