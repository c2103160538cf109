//! Values of a TCP connection's sockets, as the kernel keeps them.

use std::time::Duration;

/// The kernel's own values of the sockets at the endpoints of a TCP connection. Present if
/// [`tcp_sockets`](crate::FlowSourceBuilder::tcp_sockets) is on and an end is a socket of this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpSockets {
    /// The socket at the source, if it is seen here.
    pub source: Option<TcpSocket>,
    /// The socket at the destination, if it is seen here.
    pub destination: Option<TcpSocket>,
}

/// The kernel's values of one socket, as of the latest packet that it sent through the interface, an acknowledgment included.
///
/// `ss -ti` prints the same values. They cover the whole connection so far, at all interfaces, and not only
/// the record's interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpSocket {
    /// Smoothed round trip to the other end, in whole microseconds (RFC 6298; `srtt_us`). Absent before its first sample.
    pub smoothed_round_trip: Option<Duration>,
    /// Segments that the socket has sent again (`total_retrans`): SYN, and probes of a lost tail, are among them.
    pub retransmissions: u32,
    /// Segments that the other end has acknowledged, SYN and selectively acknowledged ones included (`delivered`).
    pub delivered: u32,
    /// Segments that the socket may have on the way (`snd_cwnd`).
    pub congestion_window: u32,
}
