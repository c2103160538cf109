//! The reason why unpacking ends.

use std::io;

/// The end of unpacking: inside the [`io::Error`] of a read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::pcap) struct Damage(pub(super) String);

impl Damage {
    /// The damage that an error tells of; the error, if it is the input's own.
    pub(in crate::pcap) fn of(error: io::Error) -> Result<Self, io::Error> {
        error.downcast()
    }
}
