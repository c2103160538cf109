//! How later fragments find the flow of the first one, which alone has ports.

use super::key::KeyWords;

/// What the fragments of one packet have in common (RFC 791, RFC 8200 section 4.5).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FragmentKey {
    /// Sender, then receiver, as in memory. IPv4 has the first four octets.
    pub addresses: [[u64; 2]; 2],
    /// Kernel index of the interface.
    pub ifindex: u32,
    /// The sender's number for the packet.
    pub identification: u32,
    /// As [`KeyTail::protocol_vlan`](super::key::KeyTail::protocol_vlan). Of IPv6 the protocol is 44: later fragments need not
    /// name what the first one does.
    pub protocol_vlan: u32,
    /// As [`KeyTail::encapsulation`](super::key::KeyTail::encapsulation).
    pub encapsulation: u32,
}

/// The flow that a first fragment belongs to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Its key.
    pub key: KeyWords,
    /// Monotonic time of the first fragment, ns.
    pub seen_at: u64,
    /// The first fragment's [`Sample`](super::slot::Sample), packed.
    pub sample: u64,
    /// Which way the packet goes in the flow.
    pub direction: u8,
    /// 1 for a key of IPv6.
    pub ipv6: u8,
    /// 1 when the fragments carry the flow's packets, 0 when they are parts of one.
    pub carries: u16,
    /// Keeps the length a multiple of eight.
    pub reserved: u32,
}
