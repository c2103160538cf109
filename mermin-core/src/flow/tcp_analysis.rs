//! TCP as its segments show it: retransmissions, order, round trips, responses.

use std::time::Duration;

/// Analysis of a TCP connection from its packets, of the record's interval
/// ([`tcp_analysis`](crate::FlowSourceBuilder::tcp_analysis)).
///
/// All is as seen at the interface: a segment that was lost on the way there was not seen, and a round trip goes from there to an end
/// and back. A super-packet of segmentation offload counts its segments. Fragments are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpAnalysis {
    /// Segments from source to destination.
    pub forward: TcpSegments,
    /// Segments from destination to source.
    pub reverse: TcpSegments,
    /// Time from SYN to SYN-ACK: from here to the side that was connected to, and back. Absent where the SYN was sent again. The time
    /// that a connection took to be answered is [`Tcp::handshake_latency`](super::Tcp::handshake_latency).
    pub handshake_server: Option<Duration>,
    /// Time from SYN-ACK to its acknowledgment: from here to the side that connected, and back. Absent where the SYN-ACK was sent again.
    pub handshake_client: Option<Duration>,
}

/// Segments of one direction in a record's interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpSegments {
    /// Segments that begin before the highest sequence number seen, but keep-alives and those that are `out_of_order`: sent again.
    pub retransmissions: u64,
    /// Their octets of payload before that number.
    pub retransmitted_octets: u64,
    /// Segments that fill a gap in less than the handshake's round trips took, 3 ms where the handshake was not seen: sent once, and
    /// reordered on the way.
    pub out_of_order: u64,
    /// Duplicate acknowledgments (RFC 5681 section 2).
    pub duplicate_acks: u64,
    /// Segments that advertise a window of zero, SYN, FIN and RST aside.
    pub zero_windows: u64,
    /// Segments with RST.
    pub resets: u64,
    /// Times from a segment to its acknowledgment, as seen here: round trips to the receiver. One segment is timed at a time; one that is
    /// sent again is not (Karn's algorithm). A receiver may delay acknowledgments, up to 500 ms (RFC 9293 section 3.8.6.3).
    pub round_trip: Option<TcpLatency>,
    /// Times from the end of a request to the first segment of the response in the other direction. A request is data after data of the
    /// other side. It ends with its last segment with PSH, its first one without.
    pub response: Option<TcpLatency>,
}

/// Samples of a latency in a record's interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpLatency {
    /// Samples, at least one.
    pub samples: u64,
    /// Their mean.
    pub mean: Duration,
    /// The least.
    pub min: Duration,
    /// The greatest.
    pub max: Duration,
    /// Mean difference between each sample and the one before it, zero for the flow's first.
    pub jitter: Duration,
}

impl TcpLatency {
    /// So many samples, all the same.
    #[must_use]
    pub const fn new(samples: u64, each: Duration) -> Self {
        Self {
            samples,
            mean: each,
            min: each,
            max: each,
            jitter: Duration::ZERO,
        }
    }
}
