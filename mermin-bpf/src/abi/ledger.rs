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
    /// An outer IP header and that of GRE (`ARPHRD_IPGRE` without a remote, or with a group for one).
    pub const GRE: u8 = 3;
    /// The same on what is sent, nothing on what is received (`ARPHRD_IP6GRE` without a remote).
    pub const GRE_SENT: u8 = 4;
}

/// Places that are tried for an interface in the table of hooks, from `ifindex` modulo its size on.
pub const HOOK_PROBES: u32 = 8;

/// An interface that is watched; its place in the table numbers its ledger.
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
    /// Octets of those buffers, link header included; without a VLAN tag that is not in them.
    pub skb_octets: u64,
    /// Packets on the wire: segments of a super-packet each.
    pub packets: u64,
    /// Octets of those packets, link header and padding included.
    pub octets: u64,
}

/// Stripes of [`Reasons`]: one for each CPU, up to four. A CPU adds to the one of its number modulo this.
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

/// Packets that went to no flow, for one reason.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Packets on the wire.
    pub packets: u64,
    /// Octets of their frames.
    pub octets: u64,
}

/// Everything of one hook and stripe that went to no flow, indexed by [`Reason`].
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
    /// IPv4 header cut, of another version, or with a length that cannot be.
    MalformedIpv4 = 5, "malformed_ipv4";
    /// IPv6 header cut, of another version, or claiming more than there is.
    MalformedIpv6 = 6, "malformed_ipv6";
    /// IPv6 extension header cut.
    MalformedExtension = 7, "malformed_extension";
    /// TCP header cut or with an offset that cannot be.
    MalformedTcp = 8, "malformed_tcp";
    /// UDP header cut or with a length that cannot be.
    MalformedUdp = 9, "malformed_udp";
    /// ICMP or ICMPv6 header cut.
    MalformedIcmp = 10, "malformed_icmp";
    /// A fragment whose first one, which alone has ports, has not come, or has no flow any more. Taken back from here once
    /// the first one comes within the time that a receiver waits.
    Fragment = 11, "fragment";
    /// More headers than are followed.
    TooDeep = 12, "too_deep";
    /// No slot was free.
    TableFull = 13, "table_full";
    /// All places of the key in the index were taken though a slot was free.
    IndexFull = 14, "index_full";
    /// Other CPUs made or removed flows of the same bucket of the index under this packet, more often than it looks.
    Race = 15, "race";
    /// Another pass of a packet that was counted before: in the same direction of the same flow, at the other hook of the
    /// interface or once more at the same one.
    Hairpin = 16, "hairpin";
    /// The bytes could not be read from the socket buffer.
    Unreadable = 17, "unreadable";
    /// Captured too short to tell: a header is not in what a capture file kept of the packet.
    Snapped = 18, "snapped";
    /// Counted in a flow, or in a record of one, that was not asked for. User space moves it here.
    Filtered = 19, "filtered";
    /// SCTP, DCCP, UDP-Lite, IGMP, ESP or AH header cut or with a length that cannot be.
    MalformedTransport = 20, "malformed_transport";
    /// Cut within an MPLS label stack.
    MalformedMpls = 21, "malformed_mpls";
    /// `PPPoE` header cut, of another version, or claiming more than there is.
    MalformedPppoe = 22, "malformed_pppoe";
    /// A tunnel's header cut behind the protocol number that announces it, or beyond the octets that are looked at.
    MalformedTunnel = 23, "malformed_tunnel";
    /// In more tunnels than are taken off.
    TooManyTunnels = 24, "too_many_tunnels";
    /// In a capture, of a link type that is not read. No hook has it.
    OtherLink = 25, "other_link";
    /// Counted in a flow whose conversation another interface reports. User space moves it here.
    Joined = 26, "joined";
    /// Of a flow that sampling left out.
    NotSampled = 27, "not_sampled";
    /// A copy that the kernel makes of a packet of this host to a group or to all (`PACKET_LOOPBACK`): it comes from no wire, and crosses the
    /// ingress without a link header.
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
