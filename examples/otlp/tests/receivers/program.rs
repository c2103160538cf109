//! The program from outside, with the receiver of a file.

use std::fs;

use mermin_testing::{
    Collector, Folder, has_attribute,
    program::{self, CAPTURE},
};

/// Exports the capture by a file of this text. Returns the exit status and standard error.
fn export(text: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = Folder::new("otlp-program");
    let file = folder.file("a.hcl");
    fs::write(&file, text).unwrap();
    let of_file = ["--pcap", CAPTURE, "--config", file.to_str().unwrap()];
    program::run(
        env!("CARGO_BIN_EXE_mermin-otlp"),
        &[&of_file[..], arguments].concat(),
        &[("OTEL_RESOURCE_ATTRIBUTES", "k8s.node.name=node-7")],
    )
}

#[test]
fn block_of_the_file_names_the_receiver() {
    let (collector, other) = (Collector::new(), Collector::new());
    let span = "span {\n  trace_id_timeout = \"1h\"\n}\n";
    let text = format!("{span}{}", collector.block("    headers = { a = \"b\" }\n"));
    let (status, said) = export(&text, &[]);
    assert_eq!(status, Some(0), "{said}");
    let name = format!("http://127.0.0.1:{}", collector.port);
    let line = said.lines().find(|line| line.starts_with(&name)).unwrap();
    let numbers: Vec<_> = line.split_whitespace().skip(1).collect();
    assert_eq!(numbers, ["8", "8", "0", "0"], "{said}");
    assert!(!said.contains("has no use for"), "{said}");
    assert!(has_attribute(&collector.came(), "k8s.node.name", "node-7"));
    // An argument replaces it.
    let target = format!("otlp+http://127.0.0.1:{}", other.port);
    let (status, said) = export(&text, &["--to", &target]);
    assert_eq!(status, Some(0), "{said}");
    assert!(collector.came().is_empty() && !other.came().is_empty());
    // Two of the file do not.
    let text = format!("{text}export \"flows\" {{\n  to = [\"{target}\"]\n}}\n");
    let (status, said) = export(&text, &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("cannot export to 2 targets"), "{said}");
}
