// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::{
    Path,
    PathBuf, //
};

use crate::options::{
    Command,
    Link,
    LoadOptions,
    Options, //
};

fn command(line: &str) -> Result<Command, String> {
    Command::parse(line.split_whitespace().map(PathBuf::from))
}

fn parse(line: &str) -> Result<Options, String> {
    match command(line)? {
        Command::Link(options) => Ok(options),
        Command::Load(_) => panic!("{line} loads"),
    }
}

fn parse_load(line: &str) -> Result<LoadOptions, String> {
    match command(line)? {
        Command::Load(options) => Ok(options),
        Command::Link(_) => panic!("{line} does not load"),
    }
}

#[test]
fn all_options() {
    let options =
        parse("--symvers s --btf b --system-map m --module-name shmem-collapse dir/x.ko").unwrap();
    assert_eq!(options.symvers, Path::new("s"));
    assert_eq!(options.btf.as_deref(), Some(Path::new("b")));
    assert_eq!(options.system_map.as_deref(), Some(Path::new("m")));
    assert_eq!(options.module_name, "shmem_collapse");
    assert_eq!(options.module, Path::new("dir/x.ko"));
    assert_eq!(options.link, Link::Livepatch);
}

#[test]
fn what_resolves_the_symbols() {
    let link = |line| parse(line).map(|options| options.link);
    assert_eq!(
        link("--symvers s --link livepatch x.ko"),
        Ok(Link::Livepatch)
    );
    assert_eq!(link("--symvers s --link load x.ko"), Ok(Link::Load));
    assert_eq!(
        link("--symvers s --link exports x.ko").unwrap_err(),
        "--link may be livepatch or load"
    );
}

#[test]
fn all_options_of_load() {
    let options = parse_load("load --btf b --proc p --quiet x.ko a=1 --b").unwrap();
    assert_eq!(options.btf.as_deref(), Some(Path::new("b")));
    assert_eq!(options.proc, Path::new("p"));
    assert!(options.quiet);
    assert_eq!(options.module, Path::new("x.ko"));
    // What follows the module is the module's.
    assert_eq!(options.parameters, "a=1 --b");
}

#[test]
fn defaults_of_load() {
    let options = parse_load("load shmem_collapse").unwrap();
    assert_eq!(options.btf, None);
    assert_eq!(options.proc, Path::new("/proc"));
    assert!(!options.quiet);
    assert_eq!(options.parameters, "");
}

#[test]
fn wrong_command_lines_of_load() {
    let error = |line| parse_load(line).unwrap_err();
    assert_eq!(error("load"), "no module is given");
    assert_eq!(error("load --quiet"), "no module is given");
    assert_eq!(error("load --proc"), "--proc needs a value");
    assert_eq!(
        error("load --symvers s x.ko"),
        "there is no option --symvers"
    );
}

#[test]
fn name_comes_from_the_file() {
    assert_eq!(
        parse("a/my-demo.ko --symvers s").unwrap().module_name,
        "my_demo"
    );
}

#[test]
fn wrong_command_lines() {
    let error = |line| parse(line).unwrap_err();
    assert_eq!(error("x.ko"), "--symvers is not given");
    assert_eq!(error("--symvers s"), "no module is given");
    assert_eq!(error("x.ko --symvers"), "--symvers needs a value");
    assert_eq!(error("--frob x.ko"), "there is no option --frob");
    assert_eq!(error("x.ko y.ko"), "one module at a time, not also y.ko");
}
