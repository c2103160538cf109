//! `export "traces" otlp` of a file is a target beside those of `export "flows"`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use mermin_testing::{
    Collector, Folder, has_attribute,
    program::{self, CAPTURE},
};

/// Exports the capture by a file of this text. Returns the exit status and standard error.
fn export(folder: &Folder, text: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let file = folder.file("a.hcl");
    fs::write(&file, text).unwrap();
    let of_file = ["--pcap", CAPTURE, "--config", file.to_str().unwrap()];
    program::run(
        env!("CARGO_BIN_EXE_mermin-export"),
        &[&of_file[..], arguments].concat(),
        &[("OTEL_RESOURCE_ATTRIBUTES", "k8s.node.name=node-7")],
    )
}

#[test]
fn collector_of_the_file_receives_every_record() {
    let (folder, collector) = (Folder::new("traces"), Collector::new());
    let flows = format!("json:{}", folder.file("flows.json").display());
    let both = format!(
        "{}export \"flows\" {{\n  to = [\"{flows}\"]\n}}\n",
        collector.block("")
    );
    let name = format!("http://127.0.0.1:{}", collector.port);
    for (text, has_flows) in [(both.clone(), true), (collector.block(""), false)] {
        let (status, said) = export(&folder, &text, &[]);
        assert_eq!(status, Some(0), "{said}");
        let line = said.lines().find(|line| line.starts_with(&name)).unwrap();
        let numbers: Vec<_> = line.split_whitespace().skip(1).collect();
        assert_eq!(numbers, ["8", "8", "0", "0"], "{said}");
        assert_eq!(said.contains(&flows), has_flows, "{said}");
        assert!(!said.contains("has no use for"), "{said}");
        let came = collector.came();
        assert!(has_attribute(&came, "k8s.node.name", "node-7"));
        assert!(has_attribute(
            &came,
            "flow.end_reason",
            "end of flow detected"
        ));
    }
    // An argument replaces all targets of the file.
    let (status, said) = export(&folder, &both, &["--to", &flows]);
    assert_eq!(status, Some(0), "{said}");
    assert!(!said.contains(&name), "{said}");
    assert!(collector.came().is_empty());
}

#[test]
fn targets_of_a_file_have_one_seed() {
    let (folder, collector) = (Folder::new("seed"), Collector::new());
    let seed = "span {\n  community_id_seed = 7\n}\n";
    let text = format!("{seed}{}", collector.block(""));
    let (status, said) = export(&folder, &text, &[]);
    assert_eq!(status, Some(0), "{said}");
    let text = format!("{text}export \"flows\" {{\n  to = [\"json:/dev/null\"]\n}}\n");
    let (status, said) = export(&folder, &text, &[]);
    assert_eq!(status, Some(1), "{said}");
    let words = "cannot use `span.community_id_seed` beside `export \"flows\"`";
    assert!(said.contains(words), "{said}");
}
