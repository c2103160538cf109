//! Settings of the exporter.

use std::{collections::BTreeSet, time::Duration};

use mermin_core::sink::Batching;

/// How pages are compressed.
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
    /// Zstandard where the feature is on.
    fn default() -> Self {
        #[cfg(feature = "zstd")]
        return Self::Zstd;
        #[cfg(not(feature = "zstd"))]
        return Self::Lz4;
    }
}

/// How files are made.
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
            without: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Rows of a file at most. Default: 65,536. A row waits in memory, about 900 octets of it, until its file is named. At least one.
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows.max(1);
        self
    }

    /// Rows of a row group at most, which is what a reader reads by one thread. Default: 131,072; `DuckDB` writes 122,880. At least one, and at
    /// most 1,048,576: a column has one page of them.
    pub fn group(mut self, rows: usize) -> Self {
        self.group = rows.clamp(1, 1 << 20);
        self
    }

    /// Octets of a file, looked at behind every row group: one that is larger ends there. Default: 128 MiB. A file of one row group,
    /// as by default, has as many rows as it may.
    pub fn octets(mut self, octets: usize) -> Self {
        self.octets = octets;
        self
    }

    /// How long the first row of a file waits for others at most. Default: one minute.
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// How pages are compressed. Default: Zstandard where the feature `zstd` is on, else LZ4.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Seed of `flow.community_id`. Default: 0.
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// Columns that are not written. Default: none. A Community ID takes 16 octets a row with Zstandard, a third of it: a query can
    /// do without it where no other tool's records are to be joined.
    pub fn without<T: Into<String>>(mut self, columns: impl IntoIterator<Item = T>) -> Self {
        self.without.extend(columns.into_iter().map(Into::into));
        self
    }

    /// A batch of these is a file: give it to [`Run::batch`](mermin_core::Run::batch) or to
    /// [`Buffered::batch`](mermin_core::sink::Buffered::batch).
    pub fn batching(&self) -> Batching {
        Batching::default().records(self.rows).age(self.age)
    }
}
