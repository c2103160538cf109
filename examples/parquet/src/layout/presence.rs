//! Tracks which rows have a value.

use super::hybrid;

/// An octet per row: 1 if there is a value.
#[derive(Default)]
pub(super) struct Presence(Vec<u8>);

impl Presence {
    /// Appends this many rows without a value; returns them.
    pub(super) fn more(&mut self, rows: usize) -> &mut [u8] {
        let before = self.0.len();
        self.0.resize(before + rows, 0);
        &mut self.0[before..]
    }

    pub(super) fn rows(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Writes definition levels, of which `present` are 1.
    pub(super) fn write(&self, present: usize, into: &mut Vec<u8>) {
        sized(into, |into| match present {
            0 => hybrid::run(0, self.0.len(), 1, into),
            all if all == self.0.len() => hybrid::run(1, all, 1, into),
            _ => hybrid::values(&self.0, 1, into),
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
    }
}
