//! Columns of arbitrary texts.

use mermin_core::Flow;
use parquet::basic::Encoding;

use super::{
    chunk::{Chunk, Laid, Sparse},
    distinct,
    presence::{Presence, sized},
    scalars::places,
    show::of_texts,
};

/// At most one text per row, in a dictionary.
#[derive(Default)]
pub(crate) struct Texts {
    presence: Presence,
    distinct: distinct::Texts,
    places: Vec<u32>,
    one: Vec<u8>,
}

impl Texts {
    /// Adds a row; `write` appends the text and returns false if there is none.
    #[inline]
    pub(crate) fn add(&mut self, flows: &[Flow], write: impl Fn(&Flow, &mut Vec<u8>) -> bool) {
        let present = self.presence.more(flows.len());
        for (flow, present) in flows.iter().zip(present) {
            self.one.clear();
            if write(flow, &mut self.one) {
                *present = 1;
                self.places.push(self.distinct.place(&self.one));
            }
        }
    }
}

impl Sparse for Texts {
    fn skip(&mut self, rows: usize) {
        self.presence.skip(rows);
    }
}

impl Laid for Texts {
    fn finish(&mut self, always: bool) -> Chunk {
        let (rows, count) = (self.presence.rows(), self.places.len());
        let mut page = Vec::new();
        if !always {
            self.presence.write(count, &mut page);
        }
        let plain = self.distinct.plain();
        let statistics = Some(of_texts(&plain, (rows - count) as u64));
        let (encoding, dictionary) = places(&self.places, plain, self.distinct.len(), &mut page);
        self.presence.clear();
        self.distinct.clear();
        self.places.clear();
        Chunk {
            rows,
            values: rows,
            dictionary,
            encoding,
            page,
            statistics,
        }
    }
}

/// A distinct text in every row.
#[derive(Default)]
pub(crate) struct Plain {
    rows: usize,
    page: Vec<u8>,
}

impl Plain {
    #[inline]
    pub(crate) fn add(&mut self, flows: &[Flow], write: impl Fn(&Flow, &mut Vec<u8>)) {
        self.rows += flows.len();
        for flow in flows {
            sized(&mut self.page, |page| write(flow, page));
        }
    }
}

impl Laid for Plain {
    /// Returns a chunk without statistics, because range queries on digests make no sense.
    fn finish(&mut self, _: bool) -> Chunk {
        let rows = std::mem::take(&mut self.rows);
        let room = self.page.len();
        Chunk {
            rows,
            values: rows,
            dictionary: None,
            encoding: Encoding::PLAIN,
            page: std::mem::replace(&mut self.page, Vec::with_capacity(room)),
            statistics: None,
        }
    }
}
