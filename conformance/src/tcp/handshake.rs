//! The initial round trip of a connection: the sum of both round trips of its handshake here, and `initial_rtt` at tshark.

use mermin_bpf::{abi::tcp_analysis::TcpAnalysis, wire::tcp::flag};

use super::frame::Frame;

/// A connection's handshake.
#[derive(Clone, Debug, Default)]
pub(super) struct Handshake {
    /// ns; the first that was known.
    pub(super) ours: Option<u64>,
    pub(super) theirs: Option<u64>,
    /// Segments with SYN, by direction.
    pub(super) opening: [u32; 2],
    /// Numbers that acknowledge them.
    expected: [Option<u32>; 2],
    /// A SYN-ACK answers the SYN.
    pub(super) is_answered: bool,
    /// Ports of client and server, by the first SYN.
    pub(super) ports: Option<[u16; 2]>,
}

impl Handshake {
    /// Takes up a segment, which the analysis has.
    pub(super) fn add(&mut self, frame: &Frame, analysis: &TcpAnalysis) {
        let own = usize::from(frame.direction & 1);
        if frame.segment.has(flag::SYN) {
            if !frame.segment.has(flag::ACK) {
                self.ports.get_or_insert(frame.ports);
            }
            self.opening[own] += 1;
            self.expected[own] = Some(frame.segment.sequence.wrapping_add(1));
            self.is_answered |= frame.segment.has(flag::ACK)
                && self.expected[own ^ 1] == Some(frame.segment.acknowledgment);
        }
        let [one, other] = analysis.directions.each_ref().map(|it| it.handshake);
        if self.ours.is_none() && one != 0 && other != 0 {
            self.ours = Some(one + other);
        }
        self.theirs = self.theirs.or(frame.initial_rtt);
    }
}
