//! Writes `docs/REASONS.md`, the reference of the reasons.

use std::fmt::Write as _;

use mermin_bpf::abi::ledger::Reason;

use super::Ignored;

const INTRODUCTION: &str = include_str!("reference.md");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/REASONS.md");
/// The introduction does not use this link, because it would not resolve there.
const LEDGER: &str = "[the ledger](ARCHITECTURE.md#the-ledger)";

fn reference() -> String {
    let mut rows = String::new();
    let mut reasons = Reason::ALL.to_vec();
    reasons.sort_by_key(|reason| reason.name());
    for reason in reasons {
        let it = Ignored {
            reason: reason.name(),
            packets: 0,
            frame_octets: 0,
        };
        let remedy = it.remedy().unwrap_or_default();
        let _ = writeln!(rows, "| `{}` | {} | {remedy} |", it.reason, it.meaning());
    }
    INTRODUCTION
        .replace("{{ledger}}", LEDGER)
        .replace("{{reasons}}", rows.trim_end())
}

#[test]
fn reasons_page_is_current() {
    let written = reference();
    if std::env::var_os("MERMIN_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &written).unwrap();
    }
    let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        committed == written,
        "docs/REASONS.md is not what the reasons say: type `MERMIN_WRITE_DOCS=1 cargo test -p mermin-core reference` and commit it"
    );
}
