//! The compared values: packets and IP octets of each conversation.

use std::{collections::BTreeMap, fmt, net::IpAddr};

/// Two endpoints in order, and the protocol between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conversation {
    ends: [(IpAddr, u16); 2],
    protocol: u8,
}

impl Conversation {
    /// Creates it from its endpoints in either order. Ports are 0 if the protocol has none.
    pub(crate) fn new(one: (IpAddr, u16), other: (IpAddr, u16), protocol: u8) -> Self {
        Self {
            ends: [one.min(other), one.max(other)],
            protocol,
        }
    }

    /// Returns true if it is between these two addresses.
    pub(crate) fn is_of(&self, ends: &[IpAddr; 2]) -> bool {
        let [(one, _), (other, _)] = self.ends;
        *ends == [one, other] || *ends == [other, one]
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(one, port), (other, remote)] = self.ends;
        write!(
            f,
            "{one} {port} <> {other} {remote} protocol {}",
            self.protocol
        )
    }
}

/// Packets and IP octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, packets: u64, octets: u64) {
        self.packets += packets;
        self.octets += octets;
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets {} octets", self.packets, self.octets)
    }
}

/// Times of the first and the last packet of each conversation, ns since 1970.
pub(crate) type Dates = BTreeMap<Conversation, [i64; 2]>;

/// All conversations of a capture.
pub(crate) type Conversations = BTreeMap<Conversation, Sum>;
