//! The side that is the client.

use std::fmt;

/// Ports below this are system ports (RFC 6335), which servers use.
pub(crate) const FIRST_USER_PORT: u16 = 1024;

/// The relation of source and client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The source is the client.
    Forward,
    /// The source is the server: the capture began during the flow, or the server sent the first packet.
    Reverse,
    /// The client is unknown.
    Unknown,
}

impl Direction {
    #[cfg(feature = "serde")]
    pub(crate) const ALL: [Self; 3] = [Self::Forward, Self::Reverse, Self::Unknown];

    /// Returns the text used in attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Reverse => "reverse",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The rule that decided a [`Direction`]. An [unknown](Direction::Unknown) direction has the rule `Answer` if a reply was
/// seen first, otherwise `FirstPacket`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DirectionRule {
    /// A TCP SYN, an SCTP INIT or a DCCP Request was seen.
    Syn,
    /// A reply was seen first (a SYN-ACK, an INIT ACK, an ICMP reply, a DNS response). The reply's receiver is the
    /// source. It counts as the client once it has sent any packet other than a refusal of the reply. Refusals are a RST
    /// without ACK, an ABORT and a Reset.
    Answer,
    /// No other rule applied. If the protocol has no connections, the sender of the first packet counts as the client,
    /// also when only its receiver has a system port. Otherwise the client is unknown.
    FirstPacket,
    /// Only one side has a port that a socket of this host listens at. In a capture file, only one side has a port
    /// that accepted a connection. See
    /// [`FlowSourceBuilder::listening_ports`](crate::FlowSourceBuilder::listening_ports).
    ListeningPort,
    /// Exactly one port is a system port (below 1024, RFC 6335), and its side is assumed to be the server. For a protocol
    /// without connections, this rule applies only if the first packet came from that port.
    PortNumber,
}

impl DirectionRule {
    #[cfg(feature = "serde")]
    pub(crate) const ALL: [Self; 5] = [
        Self::Syn,
        Self::Answer,
        Self::FirstPacket,
        Self::ListeningPort,
        Self::PortNumber,
    ];

    /// Returns the text used in attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::Answer => "answer",
            Self::FirstPacket => "first_packet",
            Self::ListeningPort => "listening_port",
            Self::PortNumber => "port_number",
        }
    }
}

impl fmt::Display for DirectionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
