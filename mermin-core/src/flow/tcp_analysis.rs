//! Results of the TCP analysis: retransmissions, order, round trips, responses.

use std::time::Duration;

/// Analysis of the segments of a TCP connection in the record's interval. Present if
/// [`tcp_analysis`](crate::FlowSourceBuilder::tcp_analysis) is on.
///
/// All values are those seen at the interface. A segment that was lost before it reached the interface is not counted. A
/// round trip goes from the interface to one end of the connection and back. A super-packet of segmentation offload counts
/// its segments. Fragments are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpAnalysis {
    /// Segments from source to destination.
    pub forward: TcpSegments,
    /// Segments from destination to source.
    pub reverse: TcpSegments,
    /// Time from SYN to SYN-ACK: the round trip from the interface to the side that accepted the connection. Absent if the
    /// SYN was sent again. [`Tcp::handshake_latency`](super::Tcp::handshake_latency) is the time from the first SYN, and is
    /// present even then.
    pub handshake_server: Option<Duration>,
    /// Time from SYN-ACK to its acknowledgment: the round trip from the interface to the side that opened the connection.
    /// Absent if the SYN-ACK was sent again.
    pub handshake_client: Option<Duration>,
}

/// Segments of one direction in a record's interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpSegments {
    /// Segments that were sent again: they begin before the highest sequence number seen. Keep-alives and `out_of_order`
    /// segments are not among them.
    pub retransmissions: u64,
    /// Octets of payload of these segments below the highest sequence number seen.
    pub retransmitted_octets: u64,
    /// Segments that were sent once and reordered on the way: they fill a gap soon after it appeared. The limit is the sum of
    /// both round trips of the handshake, or 3 ms if the handshake was not seen.
    pub out_of_order: u64,
    /// Duplicate acknowledgments (RFC 5681 section 2).
    pub duplicate_acks: u64,
    /// Segments that advertise a window of zero, except those with SYN, FIN or RST.
    pub zero_windows: u64,
    /// Segments with RST.
    pub resets: u64,
    /// Times from a segment to its acknowledgment: round trips from the interface to the receiver. One segment is timed at a
    /// time. A segment that is sent again is not timed (Karn's algorithm). A receiver may delay acknowledgments by up to 500
    /// ms (RFC 9293 section 3.8.6.3).
    pub round_trip: Option<TcpLatency>,
    /// Times from the end of a request to the first segment of the response in the other direction. A request is all data
    /// that one side sends until the other side sends data. The time runs from the request's last segment with PSH, or, if no
    /// segment has PSH, from the request's first segment. If a segment of a request was sent again, the request is not timed.
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
    /// Mean absolute difference between each sample and the one before it. The flow's first sample counts as a difference of
    /// zero.
    pub jitter: Duration,
}

impl TcpLatency {
    /// Creates a latency of this many samples, which are all equal to `each`.
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
