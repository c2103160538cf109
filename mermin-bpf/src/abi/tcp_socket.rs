//! The kernel's own values of the sockets of TCP flows, in an array of its own beside the slots.

use super::slot::DIRECTIONS;

/// Values of the socket that sends one direction, as its latest packet crossed the hook.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpSocket {
    /// Smoothed round trip in eighths of a microsecond (`srtt_us`); 0 before the first sample.
    pub smoothed_round_trip: u32,
    /// Segments sent again since the socket began (`total_retrans`).
    pub retransmissions: u32,
    /// Segments delivered to the other end since the socket began (`delivered`).
    pub delivered: u32,
    /// Segments that the socket may have on the way (`snd_cwnd`). No socket has 0 here, so 0 says that no socket was seen.
    pub congestion_window: u32,
}

/// The sockets of one flow: directions as in a slot's lanes.
#[repr(C, align(32))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpSockets {
    /// One for each direction: the socket that sends it.
    pub directions: [TcpSocket; DIRECTIONS],
}
