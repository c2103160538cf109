//! Types of a key's value, and types composed of others.

use std::collections::BTreeMap;

use super::{Reader, Shape, quote::quote};
use crate::node::{Kind, Node};

/// A type of a key's value.
pub(crate) trait ConfigValue: Sized {
    /// Returns the shape of the value.
    fn shape() -> Shape;

    /// Reads the value; `None` after a reported problem.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// Reads an item of a list. An item may stand for several values.
    fn read_items(node: &Node, reader: &mut Reader) -> Option<Vec<Self>> {
        Some(vec![Self::read(node, reader)?])
    }

    /// Returns text from which [`read`](Self::read) makes the same value.
    fn write(&self) -> HclValue;

    /// Returns any valid value.
    #[cfg(test)]
    fn arbitrary(entropy: &mut super::arbitrary::Entropy<'_>) -> Self;
}

/// A value in HCL.
#[derive(Clone, Debug)]
pub(crate) enum HclValue {
    Value(String),
    /// A text that must not appear in logs.
    Secret(String),
    List(Vec<HclValue>),
    /// Keys of a block in their order.
    Section(Vec<(&'static str, HclValue)>),
    /// A map with names from the file.
    Map(Vec<(String, HclValue)>),
    /// Omitted.
    Absent,
}

impl HclValue {
    /// Creates a text.
    pub(crate) fn text(text: &impl ToString) -> Self {
        Self::Value(quote(&text.to_string()))
    }

    /// Replaces all secrets.
    pub(crate) fn without_secrets(self) -> Self {
        match self {
            Self::Secret(_) => Self::text(&"(hidden)"),
            Self::List(items) => Self::List(items.into_iter().map(Self::without_secrets).collect()),
            Self::Section(fields) => {
                let fields = fields.into_iter();
                Self::Section(
                    fields
                        .map(|(key, value)| (key, value.without_secrets()))
                        .collect(),
                )
            }
            Self::Map(fields) => {
                let fields = fields.into_iter();
                Self::Map(
                    fields
                        .map(|(key, value)| (key, value.without_secrets()))
                        .collect(),
                )
            }
            other @ (Self::Value(_) | Self::Absent) => other,
        }
    }

    /// Formats it on one line.
    pub(crate) fn inline(&self) -> String {
        let object = |fields: Vec<String>| match fields.as_slice() {
            [] => "{}".to_owned(),
            fields => format!("{{ {} }}", fields.join(", ")),
        };
        match self {
            Self::Value(value) | Self::Secret(value) => value.clone(),
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
                // All items are read, so that all problems are reported.
                let items: Option<Vec<Vec<T>>> = items.into_iter().collect();
                items.map(|items| items.into_iter().flatten().collect())
            }
            // A single block is a list of one.
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
