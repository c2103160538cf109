//! Fields of the analysis that are compared.

use mermin_bpf::abi::tcp_analysis::Counters;

/// The meanings of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a meaning by itself")]
pub(super) struct Fields {
    pub(super) retransmission: bool,
    pub(super) out_of_order: bool,
    pub(super) duplicate_ack: bool,
    pub(super) zero_window: bool,
    pub(super) reset: bool,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Retransmission,
    OutOfOrder,
    DuplicateAck,
    ZeroWindow,
    Reset,
    RetransmittedOctets,
    RoundTrip,
    InitialRoundTrip,
}

impl Field {
    /// Those that are bits of a segment.
    pub(super) const BITS: [Self; 5] = [
        Self::Retransmission,
        Self::OutOfOrder,
        Self::DuplicateAck,
        Self::ZeroWindow,
        Self::Reset,
    ];

    /// The attribute that has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Retransmission => "flow.tcp.retransmissions",
            Self::OutOfOrder => "flow.tcp.out_of_order",
            Self::DuplicateAck => "flow.tcp.duplicate_acks",
            Self::ZeroWindow => "flow.tcp.zero_windows",
            Self::Reset => "flow.tcp.resets",
            Self::RetransmittedOctets => "flow.tcp.retransmitted_bytes",
            Self::RoundTrip => "flow.tcp.rndtrip.samples",
            Self::InitialRoundTrip => "flow.tcp.handshake.{client,server}.latency",
        }
    }
}

impl Fields {
    pub(super) const fn has(self, field: Field) -> bool {
        match field {
            Field::Retransmission => self.retransmission,
            Field::OutOfOrder => self.out_of_order,
            Field::DuplicateAck => self.duplicate_ack,
            Field::ZeroWindow => self.zero_window,
            Field::Reset => self.reset,
            Field::RetransmittedOctets | Field::RoundTrip | Field::InitialRoundTrip => false,
        }
    }

    /// A segment's part in the counters of its direction.
    pub(super) const fn between(before: &Counters, after: &Counters) -> Self {
        Self {
            retransmission: before.retransmissions != after.retransmissions,
            out_of_order: before.out_of_order != after.out_of_order,
            duplicate_ack: before.duplicate_acks != after.duplicate_acks,
            zero_window: before.zero_windows != after.zero_windows,
            reset: before.resets != after.resets,
        }
    }
}
