//! Removes keys. Only user space does it.

use super::memory::Memory;
use crate::abi::index::{ENTRIES, Head, PLACES, Shape};

/// Removes a key if it leads to this slot. Returns false if the key was removed before, or leads to another slot.
pub fn remove<M: Memory>(memory: &M, shape: Shape, digest: u64, slot: u32) -> bool {
    let live = shape.live(digest).to(slot).0;
    let buckets = |place| memory.bucket(shape.bucket(digest, place));
    for place in 0..PLACES {
        let Some(bucket) = buckets(place) else {
            continue;
        };
        for number in 0..ENTRIES {
            if memory.entry(bucket, number) != live {
                continue;
            }
            if !memory.swap_entry(bucket, number, live, 0) {
                return false;
            }
            // The count is lowered after the entry is emptied: it may be too high for a moment, but never too low.
            if let Some(home) = buckets(0).filter(|_| place != 0) {
                memory.subtract(home, Head::unit(place));
            }
            return true;
        }
    }
    false
}
