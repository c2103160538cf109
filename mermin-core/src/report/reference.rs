//! Writes the reference of the reasons: `docs/REASONS.md` and the table in rustdoc.

use std::fmt::Write as _;

use mermin_bpf::abi::ledger::Reason;

use super::Ignored;

const INTRODUCTION: &str = include_str!("reference.md");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/REASONS.md");
/// The copy for rustdoc. A published crate contains only files inside its own directory.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/reasons.md");
/// The introduction does not use this link, because it would not resolve there.
const LEDGER: &str = "[the ledger](ARCHITECTURE.md#the-ledger)";

fn table() -> String {
    let mut table = String::from("| reason | counts | what to do |\n|---|---|---|\n");
    let mut reasons = Reason::ALL.to_vec();
    reasons.sort_by_key(|reason| reason.name());
    for reason in reasons {
        let it = Ignored {
            reason: reason.name(),
            packets: 0,
            frame_octets: 0,
        };
        let remedy = it.remedy().unwrap_or("nothing");
        let _ = writeln!(table, "| `{}` | {} | {remedy} |", it.reason, it.meaning());
    }
    table
}

#[test]
fn reasons_pages_are_current() {
    let page = INTRODUCTION
        .replace("{{ledger}}", LEDGER)
        .replace("{{reasons}}", table().trim_end());
    for (path, written) in [(PAGE, page), (TABLE, table())] {
        if std::env::var_os("MERMIN_WRITE_DOCS").is_some() {
            std::fs::write(path, &written).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == written,
            "{path} is not what the reasons say: type `MERMIN_WRITE_DOCS=1 cargo test -p mermin-core reference` and commit it"
        );
    }
}
