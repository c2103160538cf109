//! Settings of the exporter.

use std::{collections::BTreeSet, time::Duration};

use mermin_core::sink::Batching;

const COMMUNITY_ID: &str = "flow.community_id";

/// Compression of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// LZ4 (`LZ4_RAW`), in Rust.
    Lz4,
    /// Zstandard at level 1. Needs the feature `zstd`.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Default for Codec {
    /// Returns Zstandard if the feature `zstd` is on, otherwise LZ4.
    fn default() -> Self {
        #[cfg(feature = "zstd")]
        return Self::Zstd;
        #[cfg(not(feature = "zstd"))]
        return Self::Lz4;
    }
}

/// Options of files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to an exporter"]
pub struct Settings {
    pub(crate) rows: usize,
    pub(crate) group: usize,
    pub(crate) octets: usize,
    pub(crate) age: Duration,
    pub(crate) codec: Codec,
    pub(crate) community_id_seed: u16,
    pub(crate) without: BTreeSet<String>,
    pub(crate) added: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rows: 65_536,
            group: 131_072,
            octets: 128 << 20,
            age: Duration::from_mins(1),
            codec: Codec::default(),
            community_id_seed: 0,
            without: BTreeSet::from([COMMUNITY_ID.to_owned()]),
            added: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Sets the largest number of rows in a file. Default: 65,536. A row takes about 900 octets of memory until its
    /// file is complete. At least one.
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows.max(1);
        self
    }

    /// Sets the largest number of rows in a row group, which one thread of a reader reads. Default: 131,072; `DuckDB`
    /// writes 122,880. At least one and at most 1,048,576, because a column has one page per row group.
    pub fn group(mut self, rows: usize) -> Self {
        self.group = rows.clamp(1, 1 << 20);
        self
    }

    /// Sets the octets after which a file ends, checked after every row group. Default: 128 MiB. A file with only one
    /// row group, the default, is not limited by it.
    pub fn octets(mut self, octets: usize) -> Self {
        self.octets = octets;
        self
    }

    /// Sets how long the first row of a file waits for others. Default: one minute.
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Sets the compression of pages. Default: Zstandard if the feature `zstd` is on, otherwise LZ4.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets the seed of `flow.community_id`. Default: 0.
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// Omits columns. Default: `flow.community_id`. With Zstandard it takes 17 octets of a row, a third of all, because a digest cannot
    /// be compressed. Only records of other tools are joined by it.
    pub fn without<T: Into<String>>(mut self, columns: impl IntoIterator<Item = T>) -> Self {
        self.without.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Includes columns that are omitted: `with(["flow.community_id"])`.
    pub fn with<T: AsRef<str>>(mut self, columns: impl IntoIterator<Item = T>) -> Self {
        for column in columns {
            self.without.remove(column.as_ref());
        }
        self
    }

    /// Includes columns of attributes that the application adds ([`Flow::added_attributes`](mermin_core::Flow)), one text for each name:
    /// `added(["source.k8s.pod.name"])`. Default: none. A name that another column has is ignored.
    pub fn added<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.added.extend(names.into_iter().map(Into::into));
        self
    }

    /// Returns the batching for files: pass it to [`Run::batch`](mermin_core::Run::batch) or to
    /// [`Buffered::batch`](mermin_core::sink::Buffered::batch).
    pub fn batching(&self) -> Batching {
        Batching::default().records(self.rows).age(self.age)
    }
}
