//! Where every packet of a hook is accounted for: `totals == flows + reasons`, in packets and in octets.

/// Directions of a hook.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookDirection {
    /// Received by the interface.
    Ingress = 0,
    /// Sent by the interface.
    Egress = 1,
}

/// Headers before the IP header on an interface.
pub mod link {
    /// An Ethernet header (`ARPHRD_ETHER`, `ARPHRD_LOOPBACK`).
    pub const ETHERNET: u8 = 1;
    /// Nothing (tun, wg, ipip).
    pub const IP: u8 = 2;
    /// An outer IP header and a GRE header (`ARPHRD_IPGRE` without a remote address, or with a group as remote address).
    pub const GRE: u8 = 3;
    /// The same on packets that are sent, nothing on received ones (`ARPHRD_IP6GRE` without a remote address).
    pub const GRE_SENT: u8 = 4;
}

/// Number of places of the table of hooks that are tried for an interface. The first is `ifindex` modulo the table's size.
pub const HOOK_PROBES: u32 = 8;

/// A watched interface. Its place in the table is the number of its ledger.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HookEntry {
    /// Kernel index; 0 is an empty place.
    pub ifindex: u32,
    /// One of [`link`].
    pub link: u8,
    /// Changes each time an interface leaves this place, so that fragments kept for it are not counted at the next one.
    pub generation: u8,
    /// Room for flags.
    pub reserved: [u8; 2],
}

/// All that crossed a hook, per CPU: one cache line, written without atomics because a CPU runs one program at a time
/// there (bottom halves are off).
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Socket buffers, as `ip -s link` counts them.
    pub skbs: u64,
    /// Octets of those buffers, link header included. A VLAN tag that is not in the buffer does not count.
    pub skb_octets: u64,
    /// Packets on the wire: each segment of a super-packet is one.
    pub packets: u64,
    /// Octets of those packets, link header and padding included.
    pub octets: u64,
}

/// Number of stripes of [`Reasons`]: one for each CPU, up to four. A CPU adds to the stripe of its number modulo this.
#[inline(always)]
#[must_use]
pub const fn reason_stripes(cpus: u32) -> u32 {
    match cpus {
        // The compiler is to see that nothing is divided by 0.
        0 => 1,
        1..4 => cpus,
        _ => 4,
    }
}
/// Room for reasons, so that adding one does not change the layout.
pub const REASON_ROOM: usize = 32;

/// Packets that are in no flow, for one reason.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Packets on the wire.
    pub packets: u64,
    /// Octets of their frames.
    pub octets: u64,
}

/// Packets of one hook and stripe that are in no flow, indexed by [`Reason`].
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons {
    /// One per reason.
    pub by: [Ignored; REASON_ROOM],
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Why a packet belongs to no flow.
        #[repr(u8)]
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Reason {
            /// Every reason, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in statistics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// Address resolution (ethertype 0x0806 or 0x8035).
    Arp = 0, "arp";
    /// An IEEE 802.3 length where an ethertype would stand, and none behind it: spanning tree, LLDP's ancestors.
    Llc = 1, "llc";
    /// Any other ethertype that is not IP.
    OtherEthertype = 2, "other_ethertype";
    /// Cut within an Ethernet header or one that belongs to it (LLC, SNAP, Cisco `MetaData`, IEEE 802.1ah), or with an IEEE 802.3 length beyond the frame.
    MalformedEthernet = 3, "malformed_ethernet";
    /// Cut within a VLAN tag.
    MalformedVlan = 4, "malformed_vlan";
    /// IPv4 header cut, of another version, or with an impossible length.
    MalformedIpv4 = 5, "malformed_ipv4";
    /// IPv6 header cut, of another version, or with a length beyond the packet.
    MalformedIpv6 = 6, "malformed_ipv6";
    /// IPv6 extension header cut.
    MalformedExtension = 7, "malformed_extension";
    /// TCP header cut or with an impossible data offset.
    MalformedTcp = 8, "malformed_tcp";
    /// UDP header cut or with an impossible length.
    MalformedUdp = 9, "malformed_udp";
    /// ICMP or ICMPv6 header cut.
    MalformedIcmp = 10, "malformed_icmp";
    /// A later fragment whose first fragment, which alone has ports, has not come, or has no flow any more. If the first fragment comes
    /// within the time that a receiver waits, the count is moved from here to its flow.
    Fragment = 11, "fragment";
    /// More headers than the program follows.
    TooDeep = 12, "too_deep";
    /// No slot was free.
    TableFull = 13, "table_full";
    /// All places of the key in the index were taken though a slot was free.
    IndexFull = 14, "index_full";
    /// While the packet was looked up, flows of the same bucket of the index were made or removed at each of its attempts.
    Race = 15, "race";
    /// Another pass of a packet that was counted before: in the same direction of the same flow, at the other hook of the
    /// interface or once more at the same one.
    Hairpin = 16, "hairpin";
    /// The bytes could not be read from the socket buffer.
    Unreadable = 17, "unreadable";
    /// Captured too short: the capture file did not keep a whole header of the packet.
    Snapped = 18, "snapped";
    /// Counted in a flow or record that the filter rejects. User space moves the count here.
    Filtered = 19, "filtered";
    /// SCTP, DCCP, UDP-Lite, IGMP, ESP or AH header cut or with an impossible length.
    MalformedTransport = 20, "malformed_transport";
    /// Cut within an MPLS label stack.
    MalformedMpls = 21, "malformed_mpls";
    /// `PPPoE` header cut, of another version, or with a length beyond the packet.
    MalformedPppoe = 22, "malformed_pppoe";
    /// A tunnel's header that is cut, or that lies beyond the octets that the program reads. A protocol number announces the header.
    MalformedTunnel = 23, "malformed_tunnel";
    /// In more tunnels than the program decapsulates.
    TooManyTunnels = 24, "too_many_tunnels";
    /// In a capture, of a link type that is not read. No hook has it.
    OtherLink = 25, "other_link";
    /// Counted in a flow whose conversation another interface reports. User space moves the count here.
    Joined = 26, "joined";
    /// A packet of a flow that sampling left out.
    NotSampled = 27, "not_sampled";
    /// The kernel's copy of a multicast or broadcast packet that this host sent (`PACKET_LOOPBACK`). The copy comes from no wire, and
    /// crosses the ingress hook without a link header.
    LoopedBack = 28, "looped_back";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_their_room_and_are_numbered_in_order() {
        assert!(Reason::ALL.len() <= REASON_ROOM);
        for (number, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, number);
        }
    }
}
