//! The digest of a key, which names its places in the index and its tag: the same function in the kernel and in user space.
//!
//! A sender that chooses addresses and ports must not be able to choose digests: it could fill a bucket with chosen keys. So
//! the digest depends on a secret: sums of products of the key's halves with random numbers (a pair-multiply hash: Thorup,
//! "High Speed Hashing for Integers and Strings", section 3.4), whose upper bits are then spread by another product.

use core::fmt;

use super::key::{CARRIED, KEY_WORDS, KeyV4, KeyV6, KeyWords};

/// Random numbers of a digest, or of a [`point`](super::sampling::point).
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Seed {
    /// The first summands for keys of IPv4 and of IPv6. They differ, so an IPv4 key and an IPv6 key with the same words have
    /// different digests.
    pub starts: [u64; 2],
    /// The last factor; its lowest bit counts as 1.
    pub factor: u64,
    /// Keeps the summands at a multiple of 16 octets.
    pub reserved: u64,
    /// Two random numbers for each word of a key.
    pub summands: [[u64; 2]; KEY_WORDS],
}

/// Prints no number: a log must not have the secret.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed").finish_non_exhaustive()
    }
}

impl Seed {
    /// 64-bit words of a seed.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// A seed of random words: the inverse of [`words`](Self::words), except for a bit that counts as 1 and a word without use.
    #[must_use]
    pub const fn from_words(words: &[u64; Self::WORDS]) -> Self {
        let mut summands = [[0; 2]; KEY_WORDS];
        let mut at = 0;
        while at < KEY_WORDS {
            summands[at] = [words[4 + 2 * at], words[5 + 2 * at]];
            at += 1;
        }
        Self {
            starts: [words[0], words[1]],
            factor: words[2] | 1,
            reserved: 0,
            summands,
        }
    }

    /// The seed's memory.
    #[must_use]
    pub const fn words(&self) -> [u64; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        [words[0], words[1]] = self.starts;
        words[2] = self.factor;
        let mut at = 0;
        while at < KEY_WORDS {
            [words[4 + 2 * at], words[5 + 2 * at]] = self.summands[at];
            at += 1;
        }
        words
    }
}

/// The digest of a key of either IP version. With `bare`, VLANs and tunnels do not matter.
#[inline(always)]
#[must_use]
pub fn digest(words: &KeyWords, ipv6: bool, bare: bool, seed: &impl Source) -> u64 {
    let mut sum = seed.start(ipv6);
    let compared = if ipv6 { KeyV6::WORDS } else { KeyV4::WORDS };
    for number in 0..compared {
        let mut word = words[number];
        if bare && number < CARRIED.len() {
            word &= !CARRIED[number];
        }
        sum = sum.wrapping_add(product(word, seed.summands(number)));
    }
    (sum ^ sum >> 32).wrapping_mul(seed.factor() | 1)
}

/// The product of a word's halves with two random numbers.
#[inline(always)]
pub(super) const fn product(word: u64, [low, high]: [u64; 2]) -> u64 {
    let low = low.wrapping_add(word & u32::MAX as u64);
    low.wrapping_mul(high.wrapping_add(word >> 32))
}

/// Reads the numbers of a seed.
pub trait Source {
    /// One of [`Seed::starts`].
    fn start(&self, ipv6: bool) -> u64;
    /// [`Seed::factor`].
    fn factor(&self) -> u64;
    /// One of [`Seed::summands`].
    fn summands(&self, word: usize) -> [u64; 2];
}

impl Source for Seed {
    #[inline(always)]
    fn start(&self, ipv6: bool) -> u64 {
        self.starts[usize::from(ipv6)]
    }

    #[inline(always)]
    fn factor(&self) -> u64 {
        self.factor
    }

    #[inline(always)]
    fn summands(&self, word: usize) -> [u64; 2] {
        self.summands[word]
    }
}

const _: () = assert!(Seed::WORDS == 16);
