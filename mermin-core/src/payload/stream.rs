//! The first octets of one direction of a TCP connection, put together from sections.

/// Octets that are put together: more than the sections of one direction have, and than a message with names should take.
const MOST: usize = 4096;
/// Sections that wait for one before them.
const WAITING: usize = 3;

/// Octets from the first section on.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of the first octet.
    start: u32,
    octets: Vec<u8>,
    /// Octets behind a gap, by their offset.
    waiting: Vec<(usize, Vec<u8>)>,
}

impl Stream {
    pub(super) fn new(start: u32) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// Octets up to the first gap.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Adds the octets that begin at a sequence number. Octets before the start, and those far behind it, are of no use.
    pub(super) fn add(&mut self, sequence: u32, octets: &[u8]) {
        let offset = sequence.wrapping_sub(self.start) as usize;
        if offset > MOST {
            return;
        }
        if offset > self.octets.len() {
            if self.waiting.len() < WAITING {
                self.waiting.push((offset, octets.to_vec()));
            }
            return;
        }
        self.append(offset, octets);
        self.waiting.sort_by_key(|(offset, _)| *offset);
        for (offset, octets) in std::mem::take(&mut self.waiting) {
            if offset <= self.octets.len() {
                self.append(offset, &octets);
            } else {
                self.waiting.push((offset, octets));
            }
        }
    }

    /// Adds the new ones of these octets, which begin at or before the end.
    fn append(&mut self, offset: usize, octets: &[u8]) {
        let known = self.octets.len().saturating_sub(offset);
        self.octets
            .extend_from_slice(octets.get(known..).unwrap_or_default());
        self.octets.truncate(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_put_in_order_whatever_repeats() {
        let start = u32::MAX - 2;
        let mut stream = Stream::new(start);
        for (offset, octets, expected) in [
            (0, "abc", "abc"),
            (0, "abc", "abc"),
            (6, "gh", "abc"),
            (2, "cde", "abcde"),
            (5, "f", "abcdefgh"),
            (1, "bcdefghi", "abcdefghi"),
            // Before the start; far behind.
            (u32::MAX, "z", "abcdefghi"),
            (100_000, "z", "abcdefghi"),
        ] {
            stream.add(start.wrapping_add(offset), octets.as_bytes());
            assert_eq!(stream.octets(), expected.as_bytes());
        }
    }

    #[test]
    fn stream_has_a_bound() {
        let mut stream = Stream::new(0);
        for number in 0..100 {
            stream.add(number * 256, &[7; 256]);
            stream.add(1000, &[7; 256]);
        }
        assert_eq!(stream.octets().len(), MOST);
        let mut gaps = Stream::new(0);
        for number in 1..100 {
            gaps.add(number, &[7; 256]);
        }
        assert_eq!(gaps.waiting.len(), WAITING);
    }
}
