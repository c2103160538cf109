//! Columns with at most one value per row, in a dictionary.

use mermin_core::Flow;
use parquet::basic::Encoding;

use super::{
    chunk::{Chunk, Laid, Sparse},
    distinct::Distinct,
    hybrid,
    presence::Presence,
    show::Show,
};

/// Values that a [`Show`] formats.
pub(crate) struct Scalars<S: Show> {
    show: S,
    presence: Presence,
    distinct: Distinct<S::Key>,
    /// Index of each value in `distinct`.
    places: Vec<u32>,
    /// Further values, after the first ones were nearly all distinct.
    direct: Vec<S::Key>,
    is_direct: bool,
}

/// Number of values after which distinct ones are counted.
const LOOKED_AT: usize = 2_048;

impl<S: Show> Scalars<S> {
    pub(crate) fn new(show: S) -> Self {
        Self {
            show,
            presence: Presence::default(),
            distinct: Distinct::default(),
            places: Vec::new(),
            direct: Vec::new(),
            is_direct: false,
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, flows: &[Flow], get: impl Fn(&Flow) -> Option<S::Key>) {
        let present = self.presence.more(flows.len());
        self.places.reserve(flows.len());
        for (flow, present) in flows.iter().zip(present) {
            if let Some(key) = get(flow) {
                *present = 1;
                if self.is_direct {
                    self.direct.push(key);
                } else {
                    self.places.push(self.distinct.place(key));
                }
            }
        }
        // Looking up numbers that rarely repeat took a sixth of all time. Addresses repeat later.
        self.is_direct |= self.places.len() >= LOOKED_AT
            && S::LENGTH.is_some_and(|length| length <= 8)
            && self.distinct.values().len() > self.places.len() / 4 * 3;
    }

    /// Returns true if dictionary and indexes are longer than the values themselves.
    fn is_plain_shorter(&self) -> bool {
        let (count, values) = (self.distinct.values().len(), self.places.len());
        let bits = usize::from(hybrid::width(count));
        self.is_direct
            || S::LENGTH.is_some_and(|length| count * length + values * bits / 8 > values * length)
    }
}

impl<S: Show> Sparse for Scalars<S> {
    fn skip(&mut self, rows: usize) {
        self.presence.skip(rows);
    }
}

impl<S: Show> Laid for Scalars<S> {
    fn finish(&mut self, always: bool) -> Chunk {
        let rows = self.presence.rows();
        let count = self.places.len() + self.direct.len();
        let mut page = Vec::new();
        if !always {
            self.presence.write(count, &mut page);
        }
        let is_plain = self.is_plain_shorter();
        let keys = self.distinct.values();
        if is_plain {
            let all = self.places.iter().map(|place| keys[*place as usize]);
            self.direct.splice(..0, all);
        }
        let all = if is_plain { &self.direct } else { keys };
        let mut plain = Vec::new();
        for key in all {
            self.show.write(*key, &mut plain);
        }
        let nulls = (rows - count) as u64;
        let statistics = self.show.statistics(all, &plain, nulls);
        let (encoding, dictionary) = if is_plain {
            page.append(&mut plain);
            (Encoding::PLAIN, None)
        } else {
            places(&self.places, plain, keys.len(), &mut page)
        };
        self.presence.clear();
        self.distinct.clear();
        self.places.clear();
        self.direct.clear();
        self.is_direct = false;
        Chunk {
            rows,
            values: rows,
            dictionary,
            encoding,
            page,
            statistics: Some(statistics),
        }
    }
}

/// Encodes dictionary indexes. An empty dictionary is omitted.
pub(super) fn places(
    places: &[u32],
    plain: Vec<u8>,
    count: usize,
    into: &mut Vec<u8>,
) -> (Encoding, Option<(Vec<u8>, usize)>) {
    if count == 0 {
        return (Encoding::PLAIN, None);
    }
    let width = hybrid::width(count);
    into.push(width);
    hybrid::values(places, width, into);
    (Encoding::RLE_DICTIONARY, Some((plain, count)))
}
