//! The headers around a packet of a capture.

use mermin_bpf::{
    abi::tunnel::{OuterHeader, kind},
    track::{key::HIGH_TO_LOW, parsed_frame::ParsedFrame},
    wire::packet,
};

use crate::pcap::link::ParsedPacket;

/// A packet as it was captured.
pub(super) struct CapturedPacket<'a> {
    pub(super) parsed: &'a ParsedFrame,
    pub(super) read: &'a ParsedPacket,
    pub(super) octets: &'a [u8],
}

impl CapturedPacket<'_> {
    /// The addresses of sender and receiver in the innermost link header. As in the kernel program's slots, the receiver's has
    /// no room beside a tunnel.
    pub(super) fn macs(&self, packet: &packet::Packet) -> [[u8; 6]; 2] {
        if packet.mac_at == 0 && self.is_inside() {
            return [[0; 6]; 2];
        }
        let [sender, receiver] = self.read.macs(self.octets, packet.mac_at);
        let receiver = self.parsed.outer.map_or(receiver, |_| [0; 6]);
        [sender, receiver]
    }

    /// Returns true if the packet was in a tunnel that was removed. `WireGuard` encrypts its content, so its packets are
    /// not.
    fn is_inside(&self) -> bool {
        self.parsed
            .outer
            .is_some_and(|outer| outer.flags & kind::MASK != kind::WIREGUARD)
    }

    /// The outer header, with the side of the flow's lower endpoint first.
    pub(super) fn outer(&self, direction: u8) -> Option<OuterHeader> {
        let mut outer = self.parsed.outer?;
        if outer.mac == [0; 6] {
            [outer.mac, _] = self.read.own_macs;
        }
        Some(if direction == HIGH_TO_LOW {
            outer.reversed()
        } else {
            outer
        })
    }
}
