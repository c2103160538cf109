//! The part of a flow that decides if it is over.

use mermin_bpf::abi::slot::DIRECTIONS;

/// Fields that decide if a flow goes on, at one moment. It is in two cache lines of a flow's slot, where an
/// [`FlowSnapshot`](super::snapshot::FlowSnapshot) takes up to five and is some 30 words to be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExpiryState {
    /// IP protocol number.
    pub(crate) protocol: u8,
    /// [Flags](mermin_bpf::wire::packet::Packet::tcp_flags) seen in each direction, [spread](mermin_bpf::track::tcp::lane_bytes) as lanes keep them.
    pub(crate) tcp_flags: [u64; DIRECTIONS],
    /// Monotonic time of the first packet, ns.
    pub(crate) first_seen: u64,
    /// Monotonic time of the last packet in either direction, ns: no earlier than the first, behind which the coarse clock
    /// may lag.
    pub(crate) last_seen: u64,
}
