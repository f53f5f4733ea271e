// SPDX-License-Identifier: GPL-2.0

//! Unit tests, on small files that they make themselves.

mod build;
mod convert;
mod load;
mod malformed;
mod mutate;
mod mutate_module;
mod namespaces;
mod options;
mod refuse;
mod refuse_load;
mod running;
mod scene;
mod scene_load;
mod sources;
mod unpack;
