//! The memory that the protocol works on.

use crate::abi::index::Head;

/// Access to the index by one party: a CPU that runs the kernel program, or user space.
///
/// Each method that reads or changes memory does so with one word at once. A change is a full barrier, and so is reading a
/// head.
pub trait Memory {
    /// A bucket that was looked up.
    type Bucket: Copy;

    /// A bucket by its number; `None` for a number beyond the last bucket, which does not occur.
    fn bucket(&self, number: u32) -> Option<Self::Bucket>;

    /// A bucket's head.
    fn head(&self, bucket: Self::Bucket) -> Head;

    /// Changes a head if it is `from`. True if it was.
    fn swap_head(&self, bucket: Self::Bucket, from: Head, to: Head) -> bool;

    /// Subtracts from a head, whatever it is.
    fn subtract(&self, bucket: Self::Bucket, amount: u64);

    /// One of a bucket's entries.
    fn entry(&self, bucket: Self::Bucket, number: usize) -> u32;

    /// Changes an entry if it is `from`. True if it was.
    fn swap_entry(&self, bucket: Self::Bucket, number: usize, from: u32, to: u32) -> bool;

    /// Changes an entry, whatever it is.
    fn set_entry(&self, bucket: Self::Bucket, number: usize, to: u32);

    /// Returns the number unchanged. The kernel program hides its value from the verifier here. Otherwise the verifier would
    /// walk the code after this call once for each value.
    #[inline(always)]
    fn forget(&self, number: usize) -> usize {
        number
    }
}

/// The index, and the keys in the slots.
pub trait Keys: Memory {
    /// True if the key in a slot is the one that is searched for.
    fn key_matches(&self, slot: u32) -> bool;
}
