//! `flow.proto`, which is written from the lists of attributes and of numbers.

use std::{env, fmt::Write as _, fs};

use mermin_core::flow::attributes::{ALL, Attribute, Kind};

use super::{
    fields::{ADDED, FIELDS},
    protobuf::{Field, fields},
};

const COMMITTED: &str = include_str!("../../flow.proto");
const HEAD: &str = "\
// The value of a message of Kafka with `format=protobuf`: one record.
// Names are those of docs/ATTRIBUTES.md, with `_` for `.`; a field that is absent is not known.
syntax = \"proto3\";

package mermin;

message Flow {
";

fn identifier(name: &str) -> String {
    name.replace('.', "_")
}

fn definition() -> String {
    let mut text = HEAD.to_owned();
    let mut fields = fields();
    fields.sort_by_key(|field| field.number);
    for Field { number, attribute } in fields {
        let Attribute {
            name,
            kind,
            meaning,
            unit,
            ..
        } = *attribute;
        let kind_of_field = match kind {
            Kind::Text => "optional string",
            Kind::Texts => "repeated string",
            Kind::Numbers => "repeated uint64",
            Kind::Time => "optional int64",
            _ => "optional uint64",
        };
        let in_unit = match (kind, unit) {
            (Kind::Time, _) => " (ns since 1970)".to_owned(),
            (_, "") => String::new(),
            (_, unit) => format!(" ({unit})"),
        };
        let field = identifier(name);
        writeln!(
            text,
            "  // {meaning}{in_unit}\n  {kind_of_field} {field} = {number};"
        )
        .unwrap();
    }
    writeln!(
        text,
        "  // Attributes that the program adds, by their names: numbers in decimal, several texts with commas between them\n  \
         map<string, string> added_attributes = {ADDED};\n}}"
    )
    .unwrap();
    text
}

#[test]
fn every_attribute_has_a_field() {
    let lacking: Vec<_> = ALL
        .iter()
        .map(|attribute| attribute.name)
        .filter(|name| !FIELDS.contains(name))
        .collect();
    assert!(lacking.is_empty(), "append to FIELDS: {lacking:?}");
    let mut names = FIELDS.map(identifier).to_vec();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), FIELDS.len());
}

#[test]
fn definition_is_the_committed_file() {
    if env::var_os("MERMIN_WRITE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/flow.proto");
        fs::write(path, definition()).unwrap();
        return;
    }
    assert_eq!(
        COMMITTED,
        definition(),
        "type `MERMIN_WRITE_DOCS=1 cargo test -p mermin-kafka --features librdkafka --lib payload`"
    );
}
