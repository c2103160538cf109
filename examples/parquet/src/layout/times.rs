//! Encodes times as differences of consecutive values.

use mermin_core::Flow;
use parquet::{basic::Encoding, file::statistics::Statistics};

use super::{
    chunk::{Chunk, Laid, Sparse},
    delta,
    presence::Presence,
};

/// At most one time per row.
#[derive(Default)]
pub(crate) struct Times {
    presence: Presence,
    values: Vec<i64>,
}

impl Times {
    #[inline]
    pub(crate) fn add(&mut self, flows: &[Flow], get: impl Fn(&Flow) -> Option<i64>) {
        let present = self.presence.more(flows.len());
        for (flow, present) in flows.iter().zip(present) {
            if let Some(value) = get(flow) {
                *present = 1;
                self.values.push(value);
            }
        }
    }
}

impl Sparse for Times {
    fn skip(&mut self, rows: usize) {
        self.presence.skip(rows);
    }
}

impl Laid for Times {
    fn finish(&mut self, always: bool) -> Chunk {
        let (rows, count) = (self.presence.rows(), self.values.len());
        let mut page = Vec::new();
        if !always {
            self.presence.write(count, &mut page);
        }
        delta::numbers(&self.values, &mut page);
        let [least, greatest] = [self.values.iter().min(), self.values.iter().max()];
        let [least, greatest] = [least, greatest].map(Option::<&i64>::copied);
        let nulls = Some((rows - count) as u64);
        self.presence.clear();
        self.values.clear();
        Chunk {
            rows,
            values: rows,
            dictionary: None,
            encoding: Encoding::DELTA_BINARY_PACKED,
            page,
            statistics: Some(Statistics::int64(least, greatest, None, nulls, false)),
        }
    }
}
