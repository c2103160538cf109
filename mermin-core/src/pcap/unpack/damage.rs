//! The reason why unpacking ends.

use std::{fmt, io};

/// The end of unpacking: inside the [`io::Error`] of a read.
#[derive(Debug)]
pub(in crate::pcap) struct Damage(pub(super) String);

impl Damage {
    /// The damage that an error tells of; the error, if it is the input's own.
    pub(in crate::pcap) fn of(error: io::Error) -> Result<Self, io::Error> {
        error.downcast()
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damage {}
