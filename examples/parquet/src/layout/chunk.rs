//! The part of a row group for one column.

use parquet::{basic::Encoding, file::statistics::Statistics};

/// Encoded values of a column, before compression.
pub(crate) struct Chunk {
    pub(crate) rows: usize,
    /// Number of values, including missing ones.
    pub(crate) values: usize,
    /// Distinct values, and their number.
    pub(crate) dictionary: Option<(Vec<u8>, usize)>,
    pub(crate) encoding: Encoding,
    /// Levels, then values.
    pub(crate) page: Vec<u8>,
    pub(crate) statistics: Option<Statistics>,
}

/// Collected values.
pub(crate) trait Laid: Send {
    /// Returns all collected values and empties the collection. With `always`, the column has no levels, because
    /// every row has a value.
    fn finish(&mut self, always: bool) -> Chunk;
}

/// Collected values, of which a row may have none.
pub(crate) trait Sparse: Laid {
    /// Adds this many rows without a value.
    fn skip(&mut self, rows: usize);
}
