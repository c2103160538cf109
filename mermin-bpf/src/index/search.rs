//! Searching a key in all its places.

use super::memory::Keys;
use crate::abi::index::{ENTRIES, Head, PLACES, Shape};

/// Where a key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<B> {
    /// The bucket.
    pub bucket: B,
    /// Which of its entries.
    pub number: usize,
    /// That entry.
    pub entry: u32,
}

/// Result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<B> {
    /// The key's entry.
    Live(At<B>),
    /// Somebody is about to insert the key, and has not done so: search again.
    Pending,
    /// There was no such key at some moment since the head was read, if the head is still what it was.
    Nothing,
}

/// Searches a key in its home and in the further places that the home's head names. `head` was read before.
#[inline(always)]
pub fn search<M: Keys>(memory: &M, shape: Shape, digest: u64, head: Head) -> Found<M::Bucket> {
    let live = shape.live(digest);
    for place in 0..PLACES {
        if !head.reaches(place) {
            continue;
        }
        let Some(bucket) = memory.bucket(shape.bucket(digest, place)) else {
            continue;
        };
        for number in 0..ENTRIES {
            let entry = memory.entry(bucket, number);
            if shape.differs(entry, live) != 0 || !memory.holds(shape.slot(entry)) {
                continue;
            }
            if !shape.is_live(entry) {
                return Found::Pending;
            }
            return Found::Live(At {
                bucket,
                number: memory.forget(number),
                entry,
            });
        }
    }
    Found::Nothing
}
