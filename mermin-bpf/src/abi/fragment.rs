//! How later fragments find the flow of the first one, which alone has ports.

use super::key::KeyWords;

/// Facts that the fragments of one packet share (RFC 791, RFC 8200 section 4.5).
///
/// The version of IP has a word of its own. Otherwise, an IPv6 packet could have the key of an IPv4 packet: identifications of IPv6 have
/// 32 bits, and its addresses may be zeroes except for the four octets of an IPv4 address.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FragmentKey {
    /// Sender, then receiver, as in memory. IPv4 has the first four octets.
    pub addresses: [[u64; 2]; 2],
    /// Kernel index of the interface.
    pub ifindex: u32,
    /// The sender's number for the packet.
    pub identification: u32,
    /// As [`KeyTail::protocol_vlan`](super::key::KeyTail::protocol_vlan). For IPv6 the protocol is 44, because later fragments need
    /// not name the protocol that the first one names.
    pub protocol_vlan: u32,
    /// As [`KeyTail::encapsulation`](super::key::KeyTail::encapsulation).
    pub encapsulation: u32,
    /// 1 for IPv6.
    pub ipv6: u32,
    /// Keeps the length a multiple of eight.
    pub reserved: u32,
}

/// The flow that a first fragment belongs to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentFlow {
    /// Its key.
    pub key: KeyWords,
    /// Monotonic time of the first fragment, ns.
    pub seen_at: u64,
    /// The first fragment's [`Sample`](super::slot::Sample), packed.
    pub sample: u64,
    /// The packet's direction in the flow.
    pub direction: u8,
    /// 1 for a key of IPv6.
    pub ipv6: u8,
    /// 1 when the fragments carry the flow's packets, 0 when they are parts of one.
    pub carries: u16,
    /// Keeps the length a multiple of eight.
    pub reserved: u32,
}

/// Later fragments that came before their first one, of one packet. All of them are under the reason
/// [`Fragment`](super::ledger::Reason::Fragment) until the first one takes them to its flow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Early {
    /// Number of these fragments. Atomic, like the other sums.
    pub packets: u64,
    /// Octets of their IP packets.
    pub octets: u64,
    /// Octets of their IP packets, without the IP headers.
    pub payload: u64,
    /// Octets of their frames.
    pub frame_octets: u64,
    /// Monotonic time of the first of them, ns.
    pub seen_at: u64,
    /// Number of first fragments that came. Only the first of them moves the sums. Atomic.
    pub taken: u64,
    /// Number of the ledger that counts them under the reason.
    pub ledger: u32,
    /// As [`HookEntry::generation`](super::ledger::HookEntry::generation).
    pub generation: u8,
    /// Keeps the length a multiple of eight.
    pub reserved: u8,
    /// Number of the CPU that counted them, modulo 65,536.
    pub cpu: u16,
}
