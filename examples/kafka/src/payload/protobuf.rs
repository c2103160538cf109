//! Records as messages of Protocol Buffers: `Flow` of `flow.proto`.

use std::time::{SystemTime, UNIX_EPOCH};

use mermin_core::{
    Flow,
    flow::{
        Value,
        attributes::{ALL, Attribute},
    },
};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, int64, uint64};

use super::fields::{ADDED, FIELDS};

/// The field of an attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) attribute: &'static Attribute,
}

/// Fields of all attributes, in the order in which a record has them.
pub(super) fn fields() -> Vec<Field> {
    let field = |attribute: &'static Attribute| {
        let place = FIELDS.iter().position(|name| *name == attribute.name)?;
        let number = u32::try_from(place + 1).ok()?;
        Some(Field { number, attribute })
    };
    ALL.iter().filter_map(field).collect()
}

/// Writes one record after another.
pub(crate) struct Protobuf {
    community_id_seed: u16,
    fields: Vec<Field>,
    octets: Vec<u8>,
    numbers: Vec<u64>,
}

impl Protobuf {
    pub(crate) fn new(community_id_seed: u16) -> Self {
        Self {
            community_id_seed,
            fields: fields(),
            octets: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// A message `Flow`.
    pub(crate) fn encode(&mut self, flow: &Flow) -> &[u8] {
        let Self {
            fields,
            octets,
            numbers,
            ..
        } = self;
        octets.clear();
        let mut fields = fields.iter();
        let attributes = flow.attributes().community_id_seed(self.community_id_seed);
        attributes.for_each(|(name, value)| {
            // Both are in one order, so each field is looked for behind the one before.
            if let Some(field) = fields.find(|field| field.attribute.name == name) {
                put(octets, numbers, field.number, value);
            }
        });
        let added = flow.added_attributes.iter().flat_map(|list| &**list);
        added.for_each(|attribute| put_entry(octets, attribute.name(), &attribute.text()));
        octets
    }
}

/// Writes an entry of the map of added attributes: a message of key and value.
fn put_entry(octets: &mut Vec<u8>, key: &str, value: &str) {
    let length = |text: &str| 1 + encoded_len_varint(text.len() as u64) + text.len();
    encode_key(ADDED, WireType::LengthDelimited, octets);
    encode_varint((length(key) + length(value)) as u64, octets);
    put_text(octets, 1, key);
    put_text(octets, 2, value);
}

fn put(octets: &mut Vec<u8>, numbers: &mut Vec<u64>, field: u32, value: Value<'_>) {
    match value {
        Value::Text(text) => put_text(octets, field, &text),
        Value::Texts(texts) => texts.for_each(|text| put_text(octets, field, text)),
        Value::Number(number) => uint64::encode(field, &number, octets),
        Value::Numbers(all) => {
            numbers.clear();
            numbers.extend(all);
            uint64::encode_packed(field, numbers, octets);
        }
        Value::Time(time) => int64::encode(field, &nanoseconds(time), octets),
        _ => {}
    }
}

fn put_text(octets: &mut Vec<u8>, field: u32, text: &str) {
    encode_key(field, WireType::LengthDelimited, octets);
    encode_varint(text.len() as u64, octets);
    octets.extend_from_slice(text.as_bytes());
}

/// Since 1970; times before 1677 and after 2262 are cut to those.
fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |it| -it),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use mermin_core::{flow::AddedAttribute, sink::testing::detailed_flows};
    use prost::encoding::{DecodeContext, btree_map, decode_key, skip_field, string};

    use super::*;

    #[test]
    fn added_attributes_are_a_map() {
        let mut flow = detailed_flows(1).remove(0);
        let mut encoder = Protobuf::new(0);
        let without = encoder.encode(&flow).to_vec();
        let names: Arc<[Arc<str>]> = ["a", "b"].map(Arc::from).into();
        let long = "x".repeat(300);
        let lists: [Arc<[AddedAttribute]>; 2] = [
            [
                AddedAttribute::new("source.k8s.pod.name", &*long),
                AddedAttribute::new("policies", names),
            ]
            .into(),
            [
                AddedAttribute::new("rack", 7),
                AddedAttribute::new("empty", ""),
            ]
            .into(),
        ];
        flow.added_attributes = lists.into();
        let mut rest = encoder.encode(&flow);
        assert!(rest.starts_with(&without));
        let mut found = BTreeMap::new();
        while !rest.is_empty() {
            let (field, wire) = decode_key(&mut rest).unwrap();
            let context = DecodeContext::default();
            if field == ADDED {
                let texts = (string::merge, string::merge);
                btree_map::merge(texts.0, texts.1, &mut found, &mut rest, context).unwrap();
            } else {
                skip_field(wire, field, &mut rest, context).unwrap();
            }
        }
        let expected = [
            ("source.k8s.pod.name", &*long),
            ("policies", "a,b"),
            ("rack", "7"),
            ("empty", ""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }
}
