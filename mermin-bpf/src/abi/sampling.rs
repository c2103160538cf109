//! Sampling of whole flows by a hash of their key (RFC 7014, hash-based flow filtering): the rate that kernel and user space share, and
//! the decision about a key.
//!
//! Each key has a [`point`] between 0 and 2^32. A flow is kept if its point is below 2^32 divided by the interval. So a flow that is kept
//! at one rate is kept at all higher ones, and all who have the same seed decide alike.

use super::{
    digest::{Seed, Source, product},
    key::{KEY_WORDS, KeyWords},
};

/// The rate at which flows are kept, in one word so that it is stored whole. User space writes it, and the kernel program lowers it when
/// free slots run short.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate(pub u64);

impl Rate {
    /// The rarest flows that can be kept: one of 2^20.
    pub const MOST_SHIFT: u8 = 20;
    /// Every flow is kept.
    pub const ALL: Self = Self(0);

    const MOST_AT: u32 = 8;
    const BELOW_AT: u32 = 32;

    /// One flow of 2^`shift` is kept. Each time fewer than `below` slots are free, the kernel program halves the rate and takes a quarter
    /// from `below`, until one flow of 2^`most` is kept.
    #[inline(always)]
    #[must_use]
    pub const fn new(shift: u8, most: u8, below: u32) -> Self {
        Self(shift as u64 | (most as u64) << Self::MOST_AT | (below as u64) << Self::BELOW_AT)
    }

    /// One flow of 2 to the power of this number is kept.
    #[inline(always)]
    #[must_use]
    pub const fn shift(self) -> u8 {
        self.0 as u8
    }

    /// The highest [`shift`](Self::shift) that the kernel program sets.
    #[inline(always)]
    #[must_use]
    pub const fn most(self) -> u8 {
        (self.0 >> Self::MOST_AT) as u8
    }

    /// The number of free slots below which the kernel program halves the rate.
    #[inline(always)]
    #[must_use]
    pub const fn below(self) -> u32 {
        (self.0 >> Self::BELOW_AT) as u32
    }

    /// True if a flow with this point is kept.
    #[inline(always)]
    #[must_use]
    pub const fn keeps(self, point: u32) -> bool {
        // One shift rather than a comparison with 2^(32 - shift), which the verifier would have to bound.
        ((point as u64) << (self.shift() & 31)) >> 32 == 0
    }

    /// The rate after a look at the number of free slots; `None` if it stays.
    ///
    /// The rate is halved each time a quarter of the remaining slots are taken. So the last slots are taken more and more slowly, however fast
    /// new flows come, and user space has time to act: 1,000 slots last for 29,000 new flows until one of 1,024 is kept, and for 57,000 more
    /// from then on.
    #[inline(always)]
    #[must_use]
    pub const fn halved(self, free: u32) -> Option<Self> {
        if free >= self.below() || self.shift() >= self.most() {
            return None;
        }
        let below = self.below() - self.below() / 4;
        Some(Self::new(self.shift() + 1, self.most(), below))
    }
}

/// The seed of points that a number stands for. It is not the seed of the index: flows that are kept by the index's own digest would
/// crowd a part of it.
#[must_use]
pub const fn point_seed(number: u64) -> Seed {
    let mut state = number;
    let mut summands = [[0; 2]; KEY_WORDS];
    let mut at = 0;
    while at < KEY_WORDS {
        summands[at] = [split_mix(&mut state), split_mix(&mut state)];
        at += 1;
    }
    Seed {
        starts: [split_mix(&mut state); 2],
        factor: 1,
        reserved: 0,
        summands,
    }
}

/// The next number of the generator `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators").
pub const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Bits of a key's first two words that a point depends on: protocol and ports. Interface, VLANs and tunnels do not matter, so all
/// interfaces and hosts on the way of a conversation decide alike.
const COMPARED: [u64; 2] = [(u8::MAX as u64) << 32, (u32::MAX as u64) << 32];

/// The point of a key, a number from 0 to 2^32 - 1: the upper half of a sum of products as in [`digest`](super::digest), mixed by the last step of `MurmurHash3` (Appleby). That step is one to one. Without it,
/// ports and addresses in sequence have points in sequence, and the low ones are many or few at once.
///
/// Over all seeds, the points of any two conversations are independent of each other and uniform. This suffices for the variance of estimates to be
/// that of independent draws.
#[inline(always)]
#[must_use]
pub fn point(words: &KeyWords, seed: &impl Source) -> u32 {
    let mut sum = seed.start(false);
    for number in 0..KEY_WORDS {
        let mut word = words[number];
        if number < COMPARED.len() {
            word &= COMPARED[number];
        }
        sum = sum.wrapping_add(product(word, seed.summands(number)));
    }
    mixed((sum >> 32) as u32)
}

/// The 32-bit finalizer of `MurmurHash3`.
#[inline(always)]
const fn mixed(mut point: u32) -> u32 {
    point ^= point >> 16;
    point = point.wrapping_mul(0x85eb_ca6b);
    point ^= point >> 13;
    point = point.wrapping_mul(0xc2b2_ae35);
    point ^ point >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::key::{KeyTail, KeyV4};

    fn key(ifindex: u32, vlan: u16, port: u16, address: u32) -> KeyWords {
        KeyV4 {
            tail: KeyTail {
                ifindex,
                protocol_vlan: KeyTail::pack(17, vlan, 0),
                encapsulation: u32::from(vlan),
                ports: [53, port],
            },
            addresses: [0x0a00_0001, address],
        }
        .words()
    }

    #[test]
    fn word_has_its_parts() {
        let rate = Rate::new(3, 10, 4000);
        assert_eq!((rate.shift(), rate.most(), rate.below()), (3, 10, 4000));
        assert_eq!(Rate::new(0, 0, 0), Rate::ALL);
    }

    #[test]
    fn flow_that_is_kept_at_one_rate_is_kept_at_all_higher_ones() {
        for point in [0, 1, u32::MAX >> 7, u32::MAX >> 6, 1 << 31, u32::MAX] {
            assert!(Rate::ALL.keeps(point));
            for shift in 1..=Rate::MOST_SHIFT {
                let kept = Rate::new(shift, 0, 0).keeps(point);
                assert_eq!(kept, u64::from(point) < (1 << (32 - u32::from(shift))));
                assert!(!kept || Rate::new(shift - 1, 0, 0).keeps(point));
            }
        }
    }

    #[test]
    fn rate_is_halved_with_each_quarter_of_the_free_slots() {
        let mut rate = Rate::new(0, 3, 1000);
        let mut shifts = std::vec::Vec::new();
        for free in (0..2000).rev() {
            if let Some(lower) = rate.halved(free) {
                shifts.push((free, lower.shift()));
                rate = lower;
            }
        }
        assert_eq!(shifts, [(999, 1), (749, 2), (562, 3)]);
    }

    #[test]
    fn interface_vlan_and_tunnel_do_not_matter() {
        let seed = point_seed(7);
        let one = point(&key(1, 0, 4000, 9), &seed);
        assert_eq!(one, point(&key(2, 100, 4000, 9), &seed));
        assert_ne!(one, point(&key(1, 0, 4001, 9), &seed));
        assert_ne!(one, point(&key(1, 0, 4000, 10), &seed));
        assert_ne!(one, point(&key(1, 0, 4000, 9), &point_seed(8)));
    }

    #[test]
    fn neighbouring_keys_are_spread_over_all_points() {
        // 65,536 keys in 64 ranges: chi square with 63 degrees of freedom is above 120 once in 100,000 times.
        for number in 0..8 {
            let seed = point_seed(number);
            let mut ranges = [0_u32; 64];
            for n in 0..65_536_u32 {
                let at = point(&key(1, 0, n as u16, 0x0a00_0000 | n >> 8), &seed) >> 26;
                ranges[at as usize] += 1;
            }
            let chi: f64 = ranges
                .iter()
                .map(|&found| (f64::from(found) - 1024.0).powi(2) / 1024.0)
                .sum();
            assert!(chi < 160.0, "{number}: {chi}");
        }
    }

    #[test]
    fn generator_is_that_of_its_authors() {
        // The first two numbers for the state 1234567, from its authors' code.
        let seed = point_seed(1_234_567);
        assert_eq!(
            seed.summands[0],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }
}
