//! Tests of the reference `docs/EVENTS.md`, and of the events about late sweeps.

use std::fmt::Write as _;

use super::*;

const INTRODUCTION: &str = include_str!("reference.md");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/EVENTS.md");

#[test]
fn events_page_is_current() {
    let mut rows = String::new();
    for event in EVENTS {
        let fields: Vec<String> = event.fields.iter().map(|it| format!("`{it}`")).collect();
        let (name, level, meaning) = (event.name, event.level, event.meaning);
        let _ = writeln!(
            rows,
            "| `{name}` | {level} | {meaning} | {} |",
            fields.join(", ")
        );
    }
    let written = INTRODUCTION.replace("{{events}}", rows.trim_end());
    if std::env::var_os("MERMIN_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &written).unwrap();
    }
    let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        committed == written,
        "docs/EVENTS.md is not what the code tells: type `MERMIN_WRITE_DOCS=1 cargo test -p mermin-core events` and commit it"
    );
}

#[test]
fn late_sweeps_are_reported_at_start_and_end() {
    let millis = Duration::from_millis;
    let mut sweeps = Sweeps::default();
    let mut told = Vec::new();
    for took in [1, 40, 50, 2, 3] {
        let late = sweeps.late;
        sweeps.swept(millis(took), millis(100).max(millis(4 * took)), millis(100));
        told.push(late != sweeps.late);
    }
    assert_eq!(told, [false, true, false, true, false]);
}
