//! Snapshot of one flow.

use std::num::NonZeroU32;

use super::expiry_state::ExpiryState;
use crate::flow::Several;
use mermin_bpf::{
    abi::{
        key::{KeyTail, KeyV4, KeyV6, KeyWords},
        ledger::HookDirection,
        slot::{DIRECTIONS, Sample},
        tunnel::OuterHeader,
    },
    track::{origin::First, tcp},
    wire::ethernet,
};

/// One direction, summed over its lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    /// Packets on the wire.
    pub(crate) packets: u64,
    /// IP octets on the wire.
    pub(crate) octets: u64,
    /// Frame octets beyond `octets + packets * link_length`, two's complement.
    pub(crate) extra: u64,
    /// Monotonic time of the last packet, ns; 0 without.
    pub(crate) last_seen: u64,
    /// Monotonic time of the first SYN, ns; 0 without.
    pub(crate) syn_at: u64,
    /// TCP flags and close state.
    pub(crate) tcp: tcp::Side,
    /// Fields of the first packet since the last request for samples.
    pub(crate) sample: Option<Sample>,
    /// The hook of the latest sample.
    pub(crate) hook: Option<HookDirection>,
}

/// One flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlowSnapshot {
    pub(crate) key: KeyWords,
    pub(crate) ipv6: bool,
    /// The higher endpoint is the source.
    pub(crate) higher_started: bool,
    /// The first packet, which decided that.
    pub(crate) first: First,
    pub(crate) link_length: u8,
    /// Sampling kept one of so many flows like this one; `None` if flows are not sampled.
    pub(crate) sampling_interval: Option<NonZeroU32>,
    /// Monotonic time of the first packet, ns.
    pub(crate) first_seen: u64,
    /// MACs of the first packet's sender and receiver; zeroes for none.
    pub(crate) macs: [[u8; ethernet::MAC]; 2],
    /// The outermost tunnel.
    pub(crate) outer: Option<OuterHeader>,
    /// Fields in which later packets differed from the first one.
    pub(crate) several: Several,
    /// Lower endpoint to higher, then back.
    pub(crate) sides: [Side; DIRECTIONS],
}

impl FlowSnapshot {
    /// The part of the key without addresses.
    pub(crate) fn tail(&self) -> KeyTail {
        if self.ipv6 {
            KeyV6::from_words(&self.key).tail
        } else {
            KeyV4::from_words(&self.key).tail
        }
    }

    /// Monotonic time of the last packet in either direction, ns. The coarse clock may lag behind the first packet's.
    pub(crate) fn last_seen(&self) -> u64 {
        self.sides
            .iter()
            .map(|side| side.last_seen)
            .fold(self.first_seen, u64::max)
    }

    /// The latest known time of a packet, ns. It is the last packet's time, exact to a tick of the kernel, or a later
    /// precise time. For a flow of one packet it is the first packet's time.
    pub(crate) fn ended(&self) -> u64 {
        if self.packets() == 1 {
            return self.first_seen;
        }
        let precise = self.sides.iter().map(|side| side.syn_at);
        precise.fold(self.last_seen(), u64::max)
    }

    /// The part that decides if the flow is over.
    pub(crate) fn expiry_state(&self) -> ExpiryState {
        ExpiryState {
            protocol: self.tail().protocol(),
            tcp_flags: self.sides.map(|side| tcp::flags_to_bytes(side.tcp.flags)),
            first_seen: self.first_seen,
            last_seen: self.last_seen(),
        }
    }

    /// Packets in both directions.
    pub(crate) fn packets(&self) -> u64 {
        self.sides.iter().map(|side| side.packets).sum()
    }
}
