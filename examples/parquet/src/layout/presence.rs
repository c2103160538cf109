//! Tracks which rows have a value.

use super::hybrid;

/// The rows that have a value.
#[derive(Default)]
pub(super) struct Presence {
    /// Skipped rows at the beginning. They take no memory, because most columns of rare parts are empty.
    without: usize,
    /// An octet for each further row: 1 if there is a value.
    rest: Vec<u8>,
}

impl Presence {
    /// Appends this many rows without a value; returns them.
    pub(super) fn more(&mut self, rows: usize) -> &mut [u8] {
        let before = self.rest.len();
        self.rest.resize(before + rows, 0);
        &mut self.rest[before..]
    }

    /// Appends this many rows without a value.
    pub(super) fn skip(&mut self, rows: usize) {
        if self.rest.is_empty() {
            self.without += rows;
        } else {
            self.more(rows);
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.without + self.rest.len()
    }

    pub(super) fn clear(&mut self) {
        self.without = 0;
        self.rest.clear();
    }

    /// Writes definition levels, of which `present` are 1.
    pub(super) fn write(&self, present: usize, into: &mut Vec<u8>) {
        sized(into, |into| match present {
            0 => hybrid::run(0, self.rows(), 1, into),
            all if all == self.rows() => hybrid::run(1, all, 1, into),
            _ => {
                if self.without != 0 {
                    hybrid::run(0, self.without, 1, into);
                }
                hybrid::values(&self.rest, 1, into);
            }
        });
    }
}

/// Writes something with its length before it, as for levels in the first version of pages.
pub(super) fn sized(into: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = into.len();
    into.extend_from_slice(&[0; 4]);
    write(into);
    let length = u32::try_from(into.len() - at - 4).unwrap_or(u32::MAX);
    into[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_has_one_bit_per_row() {
        let mut presence = Presence::default();
        presence.more(8).copy_from_slice(&[1, 0, 0, 1, 1, 0, 1, 0]);
        presence.more(2)[1] = 1;
        assert_eq!(presence.rows(), 10);
        let mut octets = Vec::new();
        presence.write(5, &mut octets);
        assert_eq!(octets, [3, 0, 0, 0, 2 << 1 | 1, 0b0101_1001, 0b10]);
        presence.clear();
        presence.skip(100);
        presence.more(1)[0] = 1;
        presence.skip(7);
        assert_eq!(presence.rows(), 108);
        octets.clear();
        presence.write(1, &mut octets);
        let run = [100 << 1 & 0x7f | 0x80, 1, 0];
        assert_eq!(octets, [&[5, 0, 0, 0], &run[..], &[1 << 1 | 1, 1]].concat());
    }
}
