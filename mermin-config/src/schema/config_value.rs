//! Types of a key's value, and those that are made of others.

use std::collections::BTreeMap;

use super::{Reader, Shape, quote::quote};
use crate::node::{Kind, Node};

/// A type that a key may have.
pub(crate) trait ConfigValue: Sized {
    /// The shape of the value.
    fn shape() -> Shape;

    /// Reads it; none after a problem was told.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// Reads an item of a list, which may stand for several.
    fn read_items(node: &Node, reader: &mut Reader) -> Option<Vec<Self>> {
        Some(vec![Self::read(node, reader)?])
    }

    /// Text of which [`read`](Self::read) makes the same value.
    fn write(&self) -> HclValue;

    /// Any valid one.
    #[cfg(test)]
    fn arbitrary(entropy: &mut super::arbitrary::Entropy<'_>) -> Self;
}

/// A value as HCL has it.
#[derive(Clone, Debug)]
pub(crate) enum HclValue {
    Value(String),
    List(Vec<HclValue>),
    /// A block's keys in their order.
    Section(Vec<(&'static str, HclValue)>),
    /// Names of the file's own.
    Map(Vec<(String, HclValue)>),
    /// Left out.
    Absent,
}

impl HclValue {
    /// A text.
    pub(crate) fn text(text: &impl ToString) -> Self {
        Self::Value(quote(&text.to_string()))
    }

    /// On one line.
    pub(crate) fn inline(&self) -> String {
        let object = |fields: Vec<String>| match fields.as_slice() {
            [] => "{}".to_owned(),
            fields => format!("{{ {} }}", fields.join(", ")),
        };
        match self {
            Self::Value(value) => value.clone(),
            Self::Absent => "null".to_owned(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::inline).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Section(fields) => object(
                fields
                    .iter()
                    .filter(|(_, value)| !matches!(value, Self::Absent))
                    .map(|(key, value)| format!("{key} = {}", value.inline()))
                    .collect(),
            ),
            Self::Map(fields) => object(
                fields
                    .iter()
                    .map(|(key, value)| format!("{} = {}", quote(key), value.inline()))
                    .collect(),
            ),
        }
    }
}

impl<T: ConfigValue> ConfigValue for Option<T> {
    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Some)
    }

    fn write(&self) -> HclValue {
        self.as_ref().map_or(HclValue::Absent, T::write)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut super::arbitrary::Entropy<'_>) -> Self {
        (entropy.octet() % 2 == 1).then(|| T::arbitrary(entropy))
    }
}

impl<T: ConfigValue> ConfigValue for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match (&node.kind, T::shape()) {
            (Kind::List(items), _) => {
                let items: Vec<Option<Vec<T>>> = items
                    .iter()
                    .map(|item| T::read_items(item, reader))
                    .collect();
                // All of them are looked at before one that is wrong ends it.
                let items: Option<Vec<Vec<T>>> = items.into_iter().collect();
                items.map(|items| items.into_iter().flatten().collect())
            }
            // One block is a list of one.
            (Kind::Table(_), Shape::Section(_)) => Some(vec![T::read(node, reader)?]),
            _ => reader.mismatch(node, &Self::shape()),
        }
    }

    fn write(&self) -> HclValue {
        HclValue::List(self.iter().map(T::write).collect())
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut super::arbitrary::Entropy<'_>) -> Self {
        (0..entropy.below(4))
            .map(|_| T::arbitrary(entropy))
            .collect()
    }
}

impl<T: ConfigValue> ConfigValue for BTreeMap<String, T> {
    fn shape() -> Shape {
        Shape::Map(Box::new(T::shape()))
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Table(entries) = &node.kind else {
            return reader.mismatch(node, &Self::shape());
        };
        reader.unique(entries);
        let fields: Vec<Option<(String, T)>> = entries
            .iter()
            .map(|entry| Some((entry.key.clone(), T::read(&entry.node, reader)?)))
            .collect();
        fields.into_iter().collect()
    }

    fn write(&self) -> HclValue {
        let fields = self.iter().map(|(key, value)| (key.clone(), value.write()));
        HclValue::Map(fields.collect())
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut super::arbitrary::Entropy<'_>) -> Self {
        (0..entropy.below(4))
            .map(|_| (entropy.text(), T::arbitrary(entropy)))
            .collect()
    }
}
