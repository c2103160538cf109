//! The rows of docs/TROUBLESHOOTING.md about files: each symptom is made, and what is said compared with the row.

#[expect(dead_code, reason = "the other rows are tested by another crate")]
#[path = "../../mermin-core/tests/kernel/troubleshooting/page.rs"]
mod page;

use mermin_config::{Config, Diagnostic};

/// First cell of a row, and a file that is told so.
const ROWS: [(&str, &str); 5] = [
    (
        "`cannot find the` .. `that closes`",
        "span {\n  tcp_timeout = \"5s\"\n",
    ),
    (
        "`cannot find the quote that ends this text`",
        "log_level = \"info\n",
    ),
    (
        "`has no such key` .. `did you mean`",
        "discovery \"instrument\" {\n  tc-priority = 5\n}\n",
    ),
    ("`text stands in double quotes`", "log_level = 'info'\n"),
    (
        "`has no effect`",
        "discovery \"instrument\" {\n  attach = \"tcx\"\n  tc_priority = 7\n}\n",
    ),
];
const UNREADABLE: &str = "`cannot read the file`";

/// The error, or the warnings of a file without one.
fn error_of(file: &str) -> String {
    match Config::load("mermin.hcl", file.as_bytes(), &|_| None) {
        Ok(loaded) => loaded.warnings.iter().map(Diagnostic::to_string).collect(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn troubleshooting_rows_about_files_are_reproduced() {
    let absent = std::env::temp_dir().join("mermin-config-that-is-not-there.hcl");
    let error = Config::from_path(&absent).unwrap_err().to_string();
    let mut said: Vec<(&str, String)> = ROWS.map(|(cell, file)| (cell, error_of(file))).into();
    said.push((UNREADABLE, error));
    for (cell, text) in &said {
        assert_eq!(
            page::lacking(cell, text),
            None,
            "the page has `{cell}`, and not:\n{text}"
        );
    }
    let mut rows = page::of_configuration();
    let mut tested: Vec<&str> = said.iter().map(|(cell, _)| *cell).collect();
    rows.sort_unstable();
    tested.sort_unstable();
    assert_eq!(rows, tested);
}
