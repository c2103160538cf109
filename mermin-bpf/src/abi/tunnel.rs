//! The outermost tunnel of a flow: fields beside the flow's slot.

/// Kinds of encapsulation: the lower bits of [`OuterHeader::flags`].
pub mod kind {
    /// RFC 7348.
    pub const VXLAN: u8 = 1;
    /// RFC 8926.
    pub const GENEVE: u8 = 2;
    /// RFC 2784, RFC 2890, RFC 7637.
    pub const GRE: u8 = 3;
    /// IP in IP, of either version (RFC 2003, RFC 2473, RFC 4213).
    pub const IPIP: u8 = 4;
    /// GPRS tunnelling, user plane (3GPP TS 29.281).
    pub const GTPU: u8 = 5;
    /// `WireGuard`: the flow is the carrier's own, because nothing inside can be read.
    pub const WIREGUARD: u8 = 6;
    /// A mirrored frame (draft-foschiano-erspan), of any of its three types.
    pub const ERSPAN: u8 = 7;
    /// PPP in enhanced GRE (RFC 2637).
    pub const PPTP: u8 = 8;
    /// Ethernet in IP (RFC 3378).
    pub const ETHERIP: u8 = 9;
    /// `MikroTik`'s Ethernet over IP.
    pub const EOIP: u8 = 10;
    /// VXLAN with a next protocol (draft-ietf-nvo3-vxlan-gpe).
    pub const VXLAN_GPE: u8 = 11;
    /// Layer 2 tunnelling, over UDP or IP (RFC 2661, RFC 3931).
    pub const L2TP: u8 = 12;
    /// IPv6 in UDP, through translators of addresses (RFC 4380).
    pub const TEREDO: u8 = 13;
    /// Bits that hold one of these.
    pub const MASK: u8 = 0x0f;
}

/// Bits of [`OuterHeader::flags`] above the kind.
pub mod flag {
    /// [`TunnelEndpoints::id`](super::TunnelEndpoints::id) holds an id.
    pub const HAS_ID: u8 = 0x10;
    /// The outer addresses are of IPv6.
    pub const OUTER_IPV6: u8 = 0x20;
    /// IP in IP carries IPv6.
    pub const CARRIES_IPV6: u8 = 0x40;
    /// [`TunnelEndpoints::ports`](super::TunnelEndpoints::ports) are the halves of `WireGuard`'s sender index, the upper one first.
    pub const HAS_SENDER: u8 = 0x80;
}

/// Parts of an outer header, beside the slot. They are valid if [`Slot::origin`](super::slot::Slot::origin) has
/// [`ENCAPSULATED`](super::slot::origin::ENCAPSULATED), and otherwise left over from an earlier flow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunnelEndpoints {
    /// Address on the side of the flow's lower endpoint, then of its higher one; as in memory. IPv4 has the first four octets.
    pub addresses: [[u64; 2]; 2],
    /// VNI of VXLAN, VXLAN-GPE or Geneve, GRE key, GTP-U TEID, `WireGuard` receiver index, ERSPAN session, PPTP call, `EoIP` tunnel,
    /// L2TP tunnel and session.
    pub id: u32,
    /// Ports of those two sides; zeroes if the outer protocol has no ports.
    pub ports: [u16; 2],
}

/// The outer header of a flow's first packet. The slot keeps in its lanes what is not in [`TunnelEndpoints`]: see
/// [`first`](super::slot::first).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OuterHeader {
    /// The outer ends, and the tunnel between them.
    pub ends: TunnelEndpoints,
    /// MAC address of the frame's sender; zeroes for none.
    pub mac: [u8; 6],
    /// One of [`kind`], and bits of [`flag`].
    pub flags: u8,
    /// Octets before the outermost IP header; 255 stands for more.
    pub link_length: u8,
}

impl OuterHeader {
    /// The same header with both sides exchanged: the flow's higher endpoint sent the packet, and a slot has the lower endpoint's side
    /// first.
    #[inline(always)]
    #[must_use]
    pub const fn reversed(mut self) -> Self {
        let TunnelEndpoints {
            addresses: [source, destination],
            id,
            ports: [first, second],
        } = self.ends;
        // A sender index is no pair of ports.
        let ports = if self.flags & flag::HAS_SENDER == 0 {
            [second, first]
        } else {
            [first, second]
        };
        self.ends = TunnelEndpoints {
            addresses: [destination, source],
            id,
            ports,
        };
        self
    }
}
