//! Attributes that no column reads by itself: those that came later than this code.

use std::collections::HashMap;

use mermin_core::{Flow, flow::Value};
use parquet::data_type::ByteArray;

use crate::{
    Settings,
    columns::{Column, Fill, Gathered, Lists, microseconds},
};

/// A value that outlives its flow.
enum Kept {
    Wide(i64),
    Text(ByteArray),
    Texts(Vec<ByteArray>),
    Numbers(Vec<i64>),
}

/// Values of some flows by the names of columns.
pub(super) struct Attributes {
    /// One for each flow, or none.
    values: HashMap<&'static str, Vec<Option<Kept>>>,
}

impl Attributes {
    pub(super) fn of(flows: &[Flow], columns: &[Column], settings: &Settings) -> Self {
        let mut values: HashMap<&'static str, Vec<Option<Kept>>> = HashMap::new();
        let wanted: Vec<&str> = columns
            .iter()
            .filter(|column| matches!(column.fill, Fill::Attribute))
            .map(Column::name)
            .collect();
        if wanted.is_empty() {
            return Self { values };
        }
        for (place, flow) in flows.iter().enumerate() {
            let attributes = flow
                .attributes()
                .community_id_seed(settings.community_id_seed);
            attributes.for_each(|(name, value)| {
                // Keeping all of them took as long as all other columns.
                if !wanted.contains(&name) {
                    return;
                }
                let of_all = values.entry(name).or_default();
                // Flows before this one were without it.
                of_all.resize_with(place, || None);
                of_all.push(keep(value));
            });
        }
        for of_all in values.values_mut() {
            of_all.resize_with(flows.len(), || None);
        }
        Self { values }
    }

    /// Each flow's value under a name.
    fn each(&self, name: &str, flows: usize) -> impl Iterator<Item = Option<&Kept>> {
        let values = self.values.get(name).map_or(&[][..], Vec::as_slice);
        (0..flows).map(|place| values.get(place).and_then(Option::as_ref))
    }

    pub(super) fn wide(&self, name: &str, flows: usize, into: &mut Gathered<i64>) {
        for kept in self.each(name, flows) {
            into.push(match kept {
                Some(Kept::Wide(number)) => Some(*number),
                _ => None,
            });
        }
    }

    pub(super) fn texts(&self, name: &str, flows: usize, into: &mut Gathered<ByteArray>) {
        for kept in self.each(name, flows) {
            into.push(match kept {
                Some(Kept::Text(text)) => Some(text.clone()),
                _ => None,
            });
        }
    }

    pub(super) fn text_lists(&self, name: &str, flows: usize, into: &mut Lists<ByteArray>) {
        for kept in self.each(name, flows) {
            into.push(match kept {
                Some(Kept::Texts(texts)) => Some(texts.iter().cloned()),
                _ => None,
            });
        }
    }

    pub(super) fn number_lists(&self, name: &str, flows: usize, into: &mut Lists<i64>) {
        for kept in self.each(name, flows) {
            into.push(match kept {
                Some(Kept::Numbers(numbers)) => Some(numbers.iter().copied()),
                _ => None,
            });
        }
    }
}

/// None for a kind that is newer than this.
fn keep(value: Value<'_>) -> Option<Kept> {
    let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());
    Some(match value {
        Value::Text(value) => Kept::Text(text(&value)),
        Value::Texts(texts) => Kept::Texts(texts.map(text).collect()),
        Value::Number(number) => Kept::Wide(number.cast_signed()),
        Value::Numbers(numbers) => Kept::Numbers(numbers.map(u64::cast_signed).collect()),
        Value::Time(time) => Kept::Wide(microseconds(time)),
        _ => return None,
    })
}
