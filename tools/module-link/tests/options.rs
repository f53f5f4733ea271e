// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::{
    Path,
    PathBuf, //
};

use crate::options::Options;

fn parse(line: &str) -> Result<Options, String> {
    Options::parse(line.split_whitespace().map(PathBuf::from))
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
