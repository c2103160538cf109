//! The reason why decompression ends.

use std::io;

/// The reason why decompression ends, inside the [`io::Error`] of a read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::pcap) struct Damage(pub(super) String);

impl Damage {
    /// Returns the damage inside an error, or the error if it comes from the input.
    pub(in crate::pcap) fn of(error: io::Error) -> Result<Self, io::Error> {
        error.downcast()
    }
}
