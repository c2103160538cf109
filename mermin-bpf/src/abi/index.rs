//! The index's memory: buckets of entries that lead from a key's digest to the number of a slot.

/// Entries of a bucket: with the head they fill a cache line.
pub const ENTRIES: usize = 14;
/// Words of 32 bits in a bucket.
const WORDS: usize = 16;
/// Words before the first entry.
const HEAD_WORDS: usize = WORDS - ENTRIES;
/// Buckets in which a key may be: its home, and further ones that are used if the home is full.
pub const PLACES: usize = 4;
/// Slots for each bucket of the index. So the index takes 8 octets a slot, and has 14 entries for 8 flows.
pub const SLOTS_A_BUCKET: u32 = 8;

/// One cache line of the index.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// A [`Head`].
    pub head: u64,
    /// Each an [`Entry`]; 0 is empty.
    pub entries: [u32; ENTRIES],
}

/// First word of a bucket. It is about the keys whose home this bucket is: how many of them are in each further place (10
/// bits each), and a number that each insertion of such a key changes (34 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head(pub u64);

impl Head {
    const COUNT_BITS: u32 = 10;
    const MOST: u64 = (1 << Self::COUNT_BITS) - 1;
    const COUNTS: u64 = (1 << (Self::COUNT_BITS * (PLACES as u32 - 1))) - 1;
    const INSERTION: u64 = Self::COUNTS + 1;

    /// The value that adds one to the count of a place. 0 for the home, which has no count.
    #[inline(always)]
    #[must_use]
    pub const fn unit(place: usize) -> u64 {
        if place == 0 {
            0
        } else {
            1 << ((place as u32 - 1) * Self::COUNT_BITS)
        }
    }

    /// True if no key is in a further place.
    #[inline(always)]
    #[must_use]
    pub const fn is_plain(self) -> bool {
        self.0 & Self::COUNTS == 0
    }

    /// Keys of this home in a further place.
    #[must_use]
    pub const fn count(self, place: usize) -> u64 {
        (self.0 / Self::unit(place)) & Self::MOST
    }

    /// True if a key of this home may be in a place.
    #[inline(always)]
    #[must_use]
    pub const fn reaches(self, place: usize) -> bool {
        place == 0 || self.0 & (Self::MOST * Self::unit(place)) != 0
    }

    /// The head after an insertion into a place; `None` if the place's count has no room.
    #[inline(always)]
    #[must_use]
    pub const fn after_insertion(self, place: usize) -> Option<Self> {
        let unit = Self::unit(place);
        if place != 0 && self.count(place) == Self::MOST {
            return None;
        }
        Some(Self((self.0 + unit).wrapping_add(Self::INSERTION)))
    }
}

/// Layout of the index for a number of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bits of an entry that are a slot's number.
    pub slot_bits: u32,
    /// Number of buckets, a power of two, less one.
    pub bucket_mask: u32,
}

impl Shape {
    /// The shape for so many slots, at most 2^24.
    #[must_use]
    pub const fn of(slots: u32) -> Self {
        Self::crowded(slots, SLOTS_A_BUCKET)
    }

    /// The same with a bucket for another number of slots.
    #[must_use]
    pub const fn crowded(slots: u32, slots_a_bucket: u32) -> Self {
        let buckets = slots.div_ceil(slots_a_bucket).next_power_of_two();
        Self {
            slot_bits: u32::BITS - slots.saturating_sub(1).leading_zeros(),
            bucket_mask: buckets - 1,
        }
    }

    /// Number of buckets.
    #[must_use]
    pub const fn buckets(self) -> u32 {
        self.bucket_mask + 1
    }

    /// The bucket of a place of a key.
    #[inline(always)]
    #[must_use]
    pub const fn bucket(self, digest: u64, place: usize) -> u32 {
        let home = (digest >> 40) as u32;
        // The step is odd. So the places of a key differ, if there are at least as many buckets as places.
        let step = (digest >> 16) as u32 | 1;
        home.wrapping_add(step.wrapping_mul(place as u32)) & self.bucket_mask
    }

    /// The entry of a key that leads to slot 0.
    #[inline(always)]
    #[must_use]
    pub const fn live(self, digest: u64) -> Entry {
        // A bit of the tag is always 1: no entry is 0.
        Entry((digest as u32 | 1) << (self.slot_bits + 1) | 1 << self.slot_bits)
    }

    /// Bits of an entry that are not the slot's number.
    #[inline(always)]
    #[must_use]
    pub const fn tag_mask(self) -> u32 {
        u32::MAX << self.slot_bits
    }

    /// The same entry before its key is inserted.
    #[inline(always)]
    #[must_use]
    pub const fn pending(self, entry: Entry) -> Entry {
        Entry(entry.0 & !(1 << self.slot_bits))
    }

    /// The slot that an entry leads to.
    #[inline(always)]
    #[must_use]
    pub const fn slot(self, entry: u32) -> u32 {
        entry & !self.tag_mask()
    }

    /// The bits in which an entry's tag differs from a key's tag. They are 0 for each entry of the key, live or pending.
    #[inline(always)]
    #[must_use]
    pub const fn differs(self, entry: u32, live: Entry) -> u32 {
        (entry ^ live.0) & (u32::MAX << 1 << self.slot_bits)
    }

    /// True if an entry leads to a flow.
    #[inline(always)]
    #[must_use]
    pub const fn is_live(self, entry: u32) -> bool {
        entry >> self.slot_bits & 1 != 0
    }
}

/// A tag of the key's digest, a bit that is 1 once the key is inserted, and below them the number of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u32);

impl Entry {
    /// The same, leading to a slot.
    #[inline(always)]
    #[must_use]
    pub const fn to(self, slot: u32) -> Self {
        Self(self.0 | slot)
    }
}

/// The position of an entry among the bucket's 16 words. The mask keeps any position inside the bucket, so a verifier accepts
/// the access.
#[inline(always)]
#[must_use]
pub const fn word(entry: usize) -> usize {
    (entry + HEAD_WORDS) & (WORDS - 1)
}

const _: () = assert!(size_of::<Bucket>() == 64);
const _: () = assert!((PLACES as u32 - 1) * Head::COUNT_BITS < 32);

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn no_entry_is_empty() {
        for slots in [1, 2, 3, 1024, 1025, 1 << 24] {
            let shape = Shape::of(slots);
            for digest in [0, 1, u64::MAX, 0xffff_ffff_0000_0000] {
                let live = shape.live(digest);
                let last = slots - 1;
                assert_ne!(shape.pending(live).0, 0);
                assert_eq!(shape.slot(live.to(last).0), last);
                assert_eq!(shape.differs(live.to(last).0, live), 0);
                assert_eq!(shape.differs(shape.pending(live.to(last)).0, live), 0);
                assert!(shape.is_live(live.0) && !shape.is_live(shape.pending(live).0));
                assert_ne!(shape.differs(0, live), 0);
            }
        }
    }

    #[test]
    fn there_are_more_entries_than_slots() {
        for slots in [1, 2, 8, 9, 1000, 1 << 16, 1 << 24] {
            let entries = u64::from(Shape::of(slots).buckets()) * ENTRIES as u64;
            assert!(entries * 8 >= u64::from(slots) * 14);
        }
    }

    #[test]
    fn places_of_a_key_differ() {
        let shape = Shape::of(1024);
        for digest in (0..1000_u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            let mut places: Vec<u32> = (0..PLACES)
                .map(|place| shape.bucket(digest, place))
                .collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), PLACES);
        }
    }

    #[test]
    fn head_counts_each_place_and_every_insertion() {
        let mut head = Head(0);
        assert!(head.is_plain() && head.reaches(0) && !head.reaches(1));
        for place in 0..PLACES {
            let next = head.after_insertion(place).unwrap();
            assert_eq!(next.0 >> 30, (head.0 >> 30) + 1);
            assert!(next.reaches(place));
            head = next;
        }
        for place in 1..PLACES {
            head = Head(head.0 - Head::unit(place));
            assert!(!head.reaches(place));
        }
        assert!(head.is_plain());
        // The last number is followed by the first, and no count changes.
        let last = Head(u64::MAX << 30);
        assert_eq!(last.after_insertion(1), Some(Head(1)));
        let crowded = Head(1023 << 10);
        assert_eq!(crowded.after_insertion(2), None);
        assert!(crowded.after_insertion(1).is_some() && crowded.after_insertion(3).is_some());
    }
}
