//! The program from outside, as an example of all programs with one exporter.

use std::fs;

use mermin_testing::{
    Folder,
    program::{self, CAPTURE},
};

/// Runs the program with these arguments and variables. Returns its exit status and standard error.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    program::run(env!("CARGO_BIN_EXE_mermin-ipfix"), arguments, variables)
}

#[test]
fn arguments_environment_and_file_name_the_target() {
    let folder = Folder::new("ipfix-program");
    let target = |name: &str| format!("ipfix+file:{}", folder.file(name).display());
    let (by_argument, by_variable, by_file) = (target("a"), target("b"), target("c"));
    let file = folder.file("a.hcl");
    let text = format!("export \"flows\" {{\n  to = [\"json:other\", \"{by_file}\"]\n}}\n");
    fs::write(&file, text).unwrap();
    let pcap = ("MERMIN_PCAP", CAPTURE);
    let config = ("MERMIN_CONFIG_PATH", file.to_str().unwrap());
    let to = ("MERMIN_TO", by_variable.as_str());
    for (arguments, variables, target) in [
        (
            &["--to", by_argument.as_str()][..],
            &[pcap, config, to][..],
            &by_argument,
        ),
        (&[], &[pcap, config, to], &by_variable),
        (&[], &[pcap, config], &by_file),
    ] {
        let (status, said) = run(arguments, variables);
        assert_eq!(status, Some(0), "{said}");
        let line = said.lines().find(|line| line.starts_with(target.as_str()));
        let numbers: Vec<_> = line.unwrap().split_whitespace().skip(1).collect();
        assert_eq!(numbers, ["8", "8", "0", "0"], "{said}");
        let is_left_out = said.contains("mermin-ipfix leaves out json:other\n");
        assert_eq!(is_left_out, *target == by_file, "{said}");
        assert!(!said.contains("has no use for"), "{said}");
    }
    for name in ["a", "b", "c"] {
        assert_eq!(fs::read(folder.file(name)).unwrap()[..2], [0, 10]);
    }
    let (status, said) = run(&[], &[pcap]);
    assert_eq!(status, Some(2));
    assert!(
        said.contains("MERMIN_INTERFACE (patterns with spaces between them)"),
        "{said}"
    );
    let (status, said) = run(&[], &[pcap, ("MERMIN_TO", "udp:a")]);
    assert_eq!(status, Some(2));
    assert!(said.starts_with("error: in `MERMIN_TO`: "), "{said}");
    fs::write(&file, "export \"flows\" {\n  to = [\"json:other\"]\n}\n").unwrap();
    let (status, said) = run(&[], &[pcap, config]);
    assert_eq!(status, Some(1));
    assert!(
        said.contains("or `to` in `export \"flows\"` of the file"),
        "{said}"
    );
}
