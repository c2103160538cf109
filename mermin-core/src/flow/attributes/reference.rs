//! Writes the reference of the attributes from the table: `docs/ATTRIBUTES.md` and the page in rustdoc.

use std::fmt::Write as _;

use super::{ALL, Attribute, Kind};

const INTRODUCTION: &str = include_str!("reference.md");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ATTRIBUTES.md");
/// The copy for rustdoc. A published crate contains only files inside its own directory.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/flow/attributes/table.md");

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Texts => "texts",
        Kind::Number => "number",
        Kind::Numbers => "numbers",
        Kind::Time => "time",
    }
}

fn row(attribute: &Attribute) -> String {
    let unit = match attribute.unit {
        "" => String::new(),
        unit => format!(" `{unit}`"),
    };
    let elements: Vec<_> = attribute
        .ipfix
        .iter()
        .map(|element| format!("`{element}`"))
        .collect();
    format!(
        "| `{}` | {}{unit} | {} | {} | {} |",
        attribute.name,
        kind(attribute.kind),
        attribute.meaning,
        attribute.presence,
        elements.join(", "),
    )
}

fn table() -> String {
    let mut table =
        String::from("| name | type | meaning | when | IPFIX |\n|---|---|---|---|---|\n");
    for attribute in ALL {
        let _ = writeln!(table, "{}", row(attribute));
    }
    table
}

#[test]
fn attribute_pages_are_current() {
    let page = INTRODUCTION.replace("{{attributes}}", table().trim_end());
    for (path, written) in [(PAGE, page), (TABLE, table())] {
        if std::env::var_os("MERMIN_WRITE_DOCS").is_some() {
            std::fs::write(path, &written).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == written,
            "{path} is not what the attributes say: type `MERMIN_WRITE_DOCS=1 cargo test -p mermin-core reference` and commit it"
        );
    }
}
