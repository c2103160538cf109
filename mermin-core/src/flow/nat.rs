//! The addresses of a flow on the other side of a network address translation.

use std::fmt;

use super::Endpoint;

/// The other side of a network address translation (NAT) of the watched host, by its connection tracking. At least one of
/// `source` and `destination` is present.
///
/// A record has the addresses that its packets had at its interface. A packet to a service, for example, has the service's address
/// before the translation, and a backend's address after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Nat {
    /// The source on the other side, if its address or port differs there.
    pub source: Option<Endpoint>,
    /// The destination on the other side, if its address or port differs there.
    pub destination: Option<Endpoint>,
    /// The side of the translation on which the flow was seen.
    pub seen: NatSeen,
}

impl Nat {
    /// Creates a translation that changes neither side. Set the other fields directly.
    #[must_use]
    pub const fn new(seen: NatSeen) -> Self {
        Self {
            source: None,
            destination: None,
            seen,
        }
    }
}

/// The side of a translation on which a flow was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NatSeen {
    /// Packets from source to destination were seen before their translation.
    Before,
    /// Packets from source to destination were seen after their translation.
    After,
}

impl NatSeen {
    #[cfg(feature = "serde")]
    pub(crate) const ALL: [Self; 2] = [Self::Before, Self::After];

    /// Returns the text used in attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

impl fmt::Display for NatSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
