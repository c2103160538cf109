//! Hashing of keys: the standard library's hasher would take a third of a packet's time.

use std::hash::{BuildHasher, Hasher};

/// Folds words by multiplication, from a random seed. The seed prevents captures that cause collisions on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fold {
    seed: u64,
}

impl Fold {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }
}

impl BuildHasher for Fold {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding {
            seed: self.seed,
            digest: self.seed,
        }
    }
}

/// The state of [`Fold`].
#[derive(Debug)]
pub(super) struct Folding {
    seed: u64,
    digest: u64,
}

/// 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Folding {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.digest ^ word) * u128::from((self.seed ^ FACTOR) | 1);
        let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
        self.digest = u64::try_from(low ^ high).unwrap_or_default();
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_ne_bytes(*word));
        }
        for octet in rest {
            self.fold(u64::from(*octet));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    // Arrays here have a fixed length, so the length is not hashed.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_that_differ_in_a_bit_spread_over_a_table() {
        for seed in [0, 1, 0x1234_5678_9abc_def0] {
            let fold = Fold::new(seed);
            let digests: HashSet<u64> = (0..3)
                .flat_map(|word| (0..64).map(move |bit| (word, bit)))
                .map(|(word, bit)| {
                    let mut key = [7_u64; 3];
                    key[word] ^= 1 << bit;
                    fold.hash_one(key)
                })
                .collect();
            assert_eq!(digests.len(), 192);
            let low: HashSet<u64> = (0..4096_u64)
                .map(|port| fold.hash_one([1, port << 32, 3]) & 0xfff)
                .collect();
            // As many as chance would hit: 1 - 1/e of them.
            assert!(low.len() > 2300, "{}", low.len());
        }
    }
}
