//! Searches a key in all its places.

use super::memory::Keys;
use crate::abi::index::{ENTRIES, Head, PLACES, Shape};

/// Where a key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<B> {
    /// The bucket.
    pub bucket: B,
    /// The entry's position in the bucket.
    pub number: usize,
    /// The entry, as it was read.
    pub entry: u32,
}

/// Result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<B> {
    /// The key's entry.
    Live(At<B>),
    /// Another party is about to insert the key: search again.
    Pending,
    /// No entry of the key was found. If the head is still unchanged, then at some moment since it was read, the index did not
    /// have the key.
    Nothing,
}

/// Searches a key in its home and in the further places that the home's head names. The caller has read `head` before this call.
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
            if shape.differs(entry, live) != 0 || !memory.key_matches(shape.slot(entry)) {
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
