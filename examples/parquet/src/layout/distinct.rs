//! Distinct values of a column, in order of appearance.

use std::net::IpAddr;

use super::presence::sized;

/// A value for the look-up.
pub(crate) trait Key: Copy + PartialEq {
    /// Returns bits that usually differ between different values.
    fn bits(self) -> u64;
}

impl Key for u64 {
    fn bits(self) -> u64 {
        self
    }
}

impl Key for IpAddr {
    fn bits(self) -> u64 {
        match self {
            Self::V4(address) => address.to_bits().into(),
            Self::V6(address) => {
                let [high, low] = [address.to_bits() >> 64, address.to_bits()];
                #[expect(clippy::cast_possible_truncation, reason = "each is half of it")]
                let [high, low] = [high as u64, low as u64];
                high.rotate_left(29) ^ low
            }
        }
    }
}

/// A text of a fixed set, compared by its address. Equal texts at two addresses count as two values.
#[derive(Clone, Copy)]
pub(crate) struct Word(pub(crate) &'static str);

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Key for Word {
    fn bits(self) -> u64 {
        self.0.as_ptr().addr() as u64
    }
}

/// A hash table from a value's bits to its index: open addressing, at most three quarters full.
#[derive(Default)]
pub(super) struct Places {
    /// The index plus one, or zero.
    slots: Vec<u32>,
}

impl Places {
    const FEWEST: usize = 64;

    /// Returns the index of the value for which `is` returns true. If there is none, the error is the free slot for it.
    fn find(&self, bits: u64, is: impl Fn(usize) -> bool) -> Result<u32, usize> {
        let mut slot = self.slot(bits);
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                place if is(place as usize - 1) => return Ok(place - 1),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    fn slot(&self, bits: u64) -> usize {
        let spread = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The multiplication spreads all bits into the upper ones.
        (spread >> 32) as usize & (self.slots.len() - 1)
    }

    /// Makes room for `count` values and one more.
    fn reserve(&mut self, count: usize, bits: impl Fn(usize) -> u64) {
        if 4 * (count + 1) <= 3 * self.slots.len() {
            return;
        }
        let slots = (2 * self.slots.len()).max(Self::FEWEST);
        self.slots.clear();
        self.slots.resize(slots, 0);
        for place in 0..count {
            let mut slot = self.slot(bits(place));
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = u32::try_from(place + 1).unwrap_or(u32::MAX);
        }
    }

    fn clear(&mut self) {
        self.slots.fill(0);
    }
}

/// Distinct values of a fixed size.
pub(crate) struct Distinct<K> {
    values: Vec<K>,
    places: Places,
    /// Index of the latest value, because consecutive values are often equal.
    last: u32,
}

impl<K> Default for Distinct<K> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            places: Places::default(),
            last: 0,
        }
    }
}

impl<K: Key> Distinct<K> {
    #[inline]
    pub(crate) fn place(&mut self, key: K) -> u32 {
        if self.values.get(self.last as usize) != Some(&key) {
            self.last = self.look_up(key);
        }
        self.last
    }

    #[inline]
    fn look_up(&mut self, key: K) -> u32 {
        let values = &mut self.values;
        self.places
            .reserve(values.len(), |place| values[place].bits());
        match self.places.find(key.bits(), |place| values[place] == key) {
            Ok(place) => place,
            Err(slot) => {
                values.push(key);
                let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
                self.places.slots[slot] = count;
                count - 1
            }
        }
    }

    pub(crate) fn values(&self) -> &[K] {
        &self.values
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.places.clear();
    }
}

/// Distinct texts, concatenated.
#[derive(Default)]
pub(crate) struct Texts {
    all: Vec<u8>,
    /// End in `all` and bits of each text.
    ends: Vec<(usize, u64)>,
    places: Places,
    last: u32,
}

impl Texts {
    pub(crate) fn get(&self, place: usize) -> Option<&[u8]> {
        let (end, _) = self.ends.get(place)?;
        let start = match place {
            0 => 0,
            _ => self.ends[place - 1].0,
        };
        Some(&self.all[start..*end])
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns each text with its length before it.
    pub(super) fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.all.len() + 4 * self.ends.len());
        for place in 0..self.ends.len() {
            let text = self.get(place).unwrap_or_default();
            sized(&mut plain, |plain| plain.extend_from_slice(text));
        }
        plain
    }

    pub(crate) fn place(&mut self, text: &[u8]) -> u32 {
        if self.get(self.last as usize) == Some(text) {
            return self.last;
        }
        let bits = text.chunks(8).fold(text.len() as u64, |bits, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = (bits ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ mixed >> 32
        });
        let mut places = std::mem::take(&mut self.places);
        places.reserve(self.ends.len(), |place| self.ends[place].1);
        let found = places.find(bits, |place| self.get(place) == Some(text));
        self.last = match found {
            Ok(place) => place,
            Err(slot) => {
                self.all.extend_from_slice(text);
                self.ends.push((self.all.len(), bits));
                let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
                places.slots[slot] = count;
                count - 1
            }
        };
        self.places = places;
        self.last
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.ends.clear();
        self.places.clear();
        self.last = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_one_dictionary_entry() {
        let mut distinct = Distinct::default();
        let mut texts = Texts::default();
        for round in 0..3 {
            for number in 0..3_000_u32 {
                let key = u64::from(number).pow(2) << 20;
                assert_eq!(distinct.place(key), number, "{round}");
                let text = format!("{number:07}{}", "x".repeat(number as usize % 20));
                assert_eq!(texts.place(text.as_bytes()), number, "{round}");
                assert_eq!(texts.get(number as usize), Some(text.as_bytes()));
            }
        }
        assert_eq!((distinct.values().len(), texts.len()), (3_000, 3_000));
        distinct.clear();
        texts.clear();
        assert_eq!((distinct.place(7), texts.place(b"")), (0, 0));
        assert_eq!((distinct.place(8), texts.place(b"a")), (1, 1));
        assert_eq!(texts.get(0), Some(&b""[..]));
    }

    #[test]
    fn ipv4_and_mapped_ipv6_addresses_are_distinct() {
        let mut distinct = Distinct::default();
        let places = ["1.2.3.4", "::ffff:1.2.3.4", "::102:304", "1.2.3.4"]
            .map(|text| distinct.place(text.parse::<IpAddr>().unwrap()));
        assert_eq!(places, [0, 1, 2, 0]);
    }
}
