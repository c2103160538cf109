//! Inserts a key that a search did not find, or makes the entry of a found key lead to another slot.

use super::{memory::Memory, search::At};
use crate::abi::index::{ENTRIES, Head, PLACES, Shape};

/// Outcome of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The key leads to the slot.
    Done,
    /// The home has changed since its head was read, perhaps by an insertion of the same key: search again.
    Overtaken,
    /// All places of the key are full.
    Full,
}

/// Inserts a key, whose slot is filled. `head` was read before the search that did not find the key.
///
/// The change of the head inserts the key: it fails if any key of this home was inserted since the search began. The entry
/// is written before that change. So whoever reads the changed head finds the entry.
#[inline(always)]
pub fn insert<M: Memory>(memory: &M, shape: Shape, digest: u64, head: Head, slot: u32) -> Inserted {
    let live = shape.live(digest).to(slot);
    let Some(home) = memory.bucket(shape.bucket(digest, 0)) else {
        return Inserted::Full;
    };
    let Some(reserved) = reserve(memory, shape, digest, head, slot) else {
        return Inserted::Full;
    };
    let Reserved {
        bucket,
        number,
        after,
    } = reserved;
    if memory.swap_head(home, head, after) {
        memory.set_entry(bucket, number, live.0);
        Inserted::Done
    } else {
        memory.set_entry(bucket, number, 0);
        Inserted::Overtaken
    }
}

/// An entry that is reserved for the key, and the home's head once the key is inserted in that entry.
struct Reserved<B> {
    bucket: B,
    number: usize,
    after: Head,
}

/// Turns the first empty entry of the key's places into a pending one.
#[inline(always)]
fn reserve<M: Memory>(
    memory: &M,
    shape: Shape,
    digest: u64,
    head: Head,
    slot: u32,
) -> Option<Reserved<M::Bucket>> {
    let pending = shape.pending(shape.live(digest)).to(slot);
    for place in 0..PLACES {
        let (Some(bucket), Some(after)) = (
            memory.bucket(shape.bucket(digest, place)),
            head.after_insertion(place),
        ) else {
            continue;
        };
        for number in 0..ENTRIES {
            if memory.entry(bucket, number) == 0 && memory.swap_entry(bucket, number, 0, pending.0)
            {
                return Some(Reserved {
                    bucket,
                    number: memory.forget(number),
                    after,
                });
            }
        }
    }
    None
}

/// Makes the entry of a found key lead to another slot, which is already filled. Returns false if the key was removed or
/// replaced since it was found.
#[inline(always)]
pub fn replace<M: Memory>(memory: &M, shape: Shape, at: &At<M::Bucket>, slot: u32) -> bool {
    let other = at.entry & shape.tag_mask() | slot;
    memory.swap_entry(at.bucket, at.number, at.entry, other)
}
