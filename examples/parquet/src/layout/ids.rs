//! Ids of flows, which often share a prefix with the previous one.

use mermin_core::Flow;
use parquet::{basic::Encoding, data_type::ByteArray, file::statistics::Statistics};

use super::{
    chunk::{Chunk, Laid},
    delta,
};

/// The id of each row in hexadecimal.
#[derive(Default)]
pub(crate) struct Ids(Vec<u128>);

impl Ids {
    #[inline]
    pub(crate) fn add(&mut self, flows: &[Flow]) {
        self.0.extend(flows.iter().map(|flow| flow.id.to_u128()));
    }
}

impl Laid for Ids {
    fn finish(&mut self, _: bool) -> Chunk {
        let rows = self.0.len();
        let (mut shared, mut rests) = (Vec::with_capacity(rows), Vec::new());
        let mut before = None;
        for id in &self.0 {
            // A digit has four bits.
            let same = before.map_or(0, |before: u128| (before ^ id).leading_zeros() / 4);
            before = Some(*id);
            shared.push(i64::from(same));
            rests.extend_from_slice(&digits(*id)[same as usize..]);
        }
        let lengths: Vec<i64> = shared.iter().map(|same| 32 - same).collect();
        let mut page = Vec::new();
        delta::texts(&shared, &lengths, &rests, &mut page);
        let [least, greatest] = [self.0.iter().min(), self.0.iter().max()];
        let [least, greatest] =
            [least, greatest].map(|id| id.map(|id| ByteArray::from(digits(*id).to_vec())));
        self.0.clear();
        Chunk {
            rows,
            values: rows,
            dictionary: None,
            encoding: Encoding::DELTA_BYTE_ARRAY,
            page,
            statistics: Some(Statistics::byte_array(
                least,
                greatest,
                None,
                Some(0),
                false,
            )),
        }
    }
}

fn digits(id: u128) -> [u8; 32] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let pairs = id
        .to_be_bytes()
        .map(|octet| [octet >> 4, octet & 15].map(|digit| DIGITS[usize::from(digit)]));
    let mut all = [0; 32];
    all.copy_from_slice(pairs.as_flattened());
    all
}
