//! Approximate recent traffic of any number of pairs.

use std::hash::{BuildHasher as _, Hash, RandomState};

/// Counters per row. The expected error is about 1/1024 of all traffic.
const WIDTH: usize = 1024;
const ROWS: usize = 4;

/// A count-min sketch (Cormode and Muthukrishnan, 2005). It never underestimates, may overestimate, and always takes
/// 32 KiB. The hash has a random key per process, so senders cannot choose collisions.
pub(crate) struct Sketch {
    keys: RandomState,
    counters: Vec<u64>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            keys: RandomState::new(),
            counters: vec![0; ROWS * WIDTH],
        }
    }
}

impl Sketch {
    /// Adds a weight, and returns the sum of this key so far.
    pub(crate) fn add(&mut self, key: impl Hash, weight: u64) -> u64 {
        let mut hash = self.keys.hash_one(key);
        let mut least = u64::MAX;
        for row in self.counters.chunks_mut(WIDTH) {
            let place = usize::try_from(hash % WIDTH as u64).unwrap_or(0);
            hash /= WIDTH as u64;
            if let Some(counter) = row.get_mut(place) {
                *counter = counter.saturating_add(weight);
                least = least.min(*counter);
            }
        }
        least
    }

    /// Halves all counters this many times.
    pub(crate) fn halve(&mut self, times: u32) {
        for counter in &mut self.counters {
            *counter = counter.checked_shr(times).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sketch_never_underestimates() {
        let mut sketch = Sketch::default();
        for round in 1..=3_u64 {
            for key in 0..5000_u64 {
                assert!(sketch.add(key, 10) >= 10 * round);
            }
        }
        assert_eq!(sketch.counters.len(), 4096);
    }

    #[test]
    fn halving_lowers_counts() {
        let mut sketch = Sketch::default();
        sketch.add(1, 8);
        sketch.halve(2);
        assert_eq!(sketch.add(1, 0), 2);
        sketch.halve(64);
        assert_eq!(sketch.add(1, 0), 0);
    }
}
