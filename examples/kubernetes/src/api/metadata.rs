//! Metadata of objects: `ObjectMeta` of `meta/v1`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::null::null;

/// Metadata of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Metadata {
    /// Name, unique in its namespace at one time.
    pub name: String,
    /// Namespace; empty for kinds without one.
    #[serde(default, deserialize_with = "null")]
    pub namespace: String,
    /// Unique for all time: an object that is made again with the same name has another.
    pub uid: String,
    /// The version of the store in which the object last changed.
    #[serde(default, deserialize_with = "null")]
    pub resource_version: String,
    /// RFC 3339, whole seconds.
    #[serde(default)]
    pub creation_timestamp: Option<String>,
    /// The time at which a deletion will be forced: it lies in the future when a deletion begins.
    #[serde(default)]
    pub deletion_timestamp: Option<String>,
    /// Labels, sorted by key.
    #[serde(default, deserialize_with = "null")]
    pub labels: Texts,
    /// Annotations, sorted by key.
    #[serde(default, deserialize_with = "null")]
    pub annotations: Texts,
    /// The objects that this one belongs to. They need not exist.
    #[serde(default, deserialize_with = "null")]
    pub owner_references: Vec<OwnerReference>,
}

/// A reference to an owner.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OwnerReference {
    /// Group and version, as in `apps/v1`.
    #[serde(default, deserialize_with = "null")]
    pub api_version: String,
    /// Kind.
    #[serde(default, deserialize_with = "null")]
    pub kind: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// True for the owner that manages the object; at most one is.
    #[serde(default, deserialize_with = "null")]
    pub controller: bool,
}

impl Metadata {
    /// Returns the owner that manages the object.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

/// A map of texts, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<(String, String)>);

impl Texts {
    /// Returns the text of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, text)| text.as_str())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::with_capacity(map.size_hint().unwrap_or(8));
        while let Some(entry) = map.next_entry::<String, Option<String>>()? {
            texts.push((entry.0, entry.1.unwrap_or_default()));
        }
        texts.sort();
        Ok(Texts(texts))
    }
}
