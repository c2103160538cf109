//! The part of a row group that one column has.

use parquet::{basic::Encoding, file::statistics::Statistics};

/// Values of a column, laid out and not yet compressed.
pub(crate) struct Chunk {
    pub(crate) rows: usize,
    /// Values, and places where one is missing.
    pub(crate) values: usize,
    /// Distinct values, and how many they are.
    pub(crate) dictionary: Option<(Vec<u8>, usize)>,
    pub(crate) encoding: Encoding,
    /// Levels, then values.
    pub(crate) page: Vec<u8>,
    pub(crate) statistics: Option<Statistics>,
}

/// Values that are gathered.
pub(crate) trait Laid: Send {
    /// All that was gathered, which is nothing then. `always`: the column has no levels, because no row is without it.
    fn finish(&mut self, always: bool) -> Chunk;
}
