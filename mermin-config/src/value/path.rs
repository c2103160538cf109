//! Paths, and names that become part of a path.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::text::text;
use crate::{
    node::Node,
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// An absolute path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AbsolutePath(String);

impl AbsolutePath {
    /// Creates it, if the path is absolute.
    #[must_use]
    pub fn new(path: &str) -> Option<Self> {
        (path.starts_with('/') && !path.contains('\0')).then(|| Self(path.to_owned()))
    }

    /// Returns the usual mount point of the BPF file system.
    pub(crate) fn bpffs() -> Self {
        Self("/sys/fs/bpf".to_owned())
    }

    /// Returns the path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl From<&AbsolutePath> for PathBuf {
    fn from(path: &AbsolutePath) -> Self {
        path.as_path().to_owned()
    }
}

impl ConfigValue for AbsolutePath {
    fn shape() -> Shape {
        Shape::leaf("path", "absolute")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let text = text(node, reader, &shape)?;
        match Self::new(text) {
            Some(path) => Some(path),
            None => reader.invalid(node, text, "it is no absolute path", &shape),
        }
    }

    fn write(&self) -> HclValue {
        HclValue::text(&self.0)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self(format!("/{}", entropy.text()))
    }
}

/// Name of an instance, which becomes a directory in the BPF file system: up to 64 letters, digits, hyphens and
/// underscores; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InstanceName(String);

impl InstanceName {
    /// Creates it, if the name is valid.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        (name.len() <= 64 && name.bytes().all(fits)).then(|| Self(name.to_owned()))
    }

    /// Returns the name; empty for none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl ConfigValue for InstanceName {
    fn shape() -> Shape {
        Shape::leaf(
            "name",
            "up to 64 letters, digits, `-` and `_`; empty for none",
        )
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let text = text(node, reader, &shape)?;
        match Self::new(text) {
            Some(name) => Some(name),
            None => reader.invalid(node, text, "it is no such name", &shape),
        }
    }

    fn write(&self) -> HclValue {
        HclValue::text(self)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self(entropy.one(&["", "billing", "a-b_9"]).to_owned())
    }
}
