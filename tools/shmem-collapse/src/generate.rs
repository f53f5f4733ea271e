// SPDX-License-Identifier: GPL-2.0

//! `completions` and `man`: made from the definition of the command line.

use crate::{Verdict, cli::Cli};
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use std::{
    io::{self, Write},
    path::Path,
};

const NAME: &str = env!("CARGO_PKG_NAME");

pub(crate) fn completions(shell: Shell) -> Result<Verdict> {
    // Not straight to the output: generate() panics when that is closed.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut text);
    io::stdout().write_all(&text)?;
    Ok(Verdict::Huge)
}

pub(crate) fn man(directory: Option<&Path>) -> Result<Verdict> {
    let command = Cli::command().name(NAME);
    match directory {
        Some(directory) => clap_mangen::generate_to(command, directory)
            .with_context(|| format!("cannot write to {}", directory.display()))?,
        None => clap_mangen::Man::new(command).render(&mut io::stdout())?,
    }
    Ok(Verdict::Huge)
}
