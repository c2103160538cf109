//! Packets inside of packets: one level of encapsulation at a time.
//!
//! A tunnel is recognised by one of these:
//!
//! * **The protocol number**: IP in IP, GRE, `EtherIP`, L2TP version 3. ERSPAN, PPTP, `EoIP` and redirected packets of WCCP
//!   are kinds of GRE, recognised by its version and payload type.
//! * **The receiver's port**: VXLAN, VXLAN-GPE, Geneve, GTP-U.
//! * **Either port**: L2TP and Teredo, because replies may go to any port.
//!
//! A network service header (RFC 8300) is a link header wherever it stands: in a frame, in VXLAN-GPE, in GRE. Its path
//! is not part of a key. Two levels are removed; a packet with a third is counted under `too_many_tunnels`. A packet is
//! counted once:
//!
//! | inside the tunnel | counted |
//! |---|---|
//! | an IP packet | in the inner flow only |
//! | an IP packet longer than the carrier holds, or with a truncated header above IP | under the reason of that header (`malformed_ipv4`, `malformed_tcp`, ...) |
//! | anything but IP: ARP, a bridge's hello, a GRE keepalive, a GTP-U echo, nothing | in the flow of the carrier, whose endpoints exchanged it |
//!
//! A protocol number (GRE, IP in IP) determines the next header, so a truncated one is counted under its reason:
//! `malformed_tunnel`, `malformed_ethernet` and so on. A port is only a hint: a client's own port may be a tunnel's,
//! and then DNS replies go to it. So a datagram at a tunnel's port counts as a tunnel's packet only if all of this
//! holds:
//!
//! 1. It can begin with the tunnel's header: flags, version and type fit, and the lengths in it (Geneve's options,
//!    GTP-U's length and extension headers) are within the datagram. Bits that a receiver ignores do not matter.
//! 2. The header leads to IP, directly or through complete link headers.
//! 3. An IP header can begin there: it is complete, has the announced version, and has valid lengths. If nothing
//!    announces the content (GTP-U), the whole packet must be there too.
//!
//! Any other datagram is counted in the flow of its own endpoints. A datagram that passes all three conditions is that
//! tunnel, and later faults are faults of the inner packet. A tunnel's own header beyond the 512 octets that are parsed is
//! counted under `malformed_tunnel`, an inner header under its own reason; in a capture file with short packets, both under
//! `snapped`.
//!
//! # Key
//!
//! The key of an inner flow has a digest of its encapsulation (`KeyTail::encapsulation`): kind, id, and outer addresses
//! in canonical order.
//!
//! * The outer ports are not in it, because senders derive one of them from the inner flow.
//! * Two tunnels between the same endpoints with different ids never have the same digest.
//! * The ids of GTP-U, PPTP and L2TP are left out: each names the receiving end, so the two directions of a
//!   conversation have different ones. The record has the id of the first packet. Ids that are left out have a digest
//!   of their own (`EncapLevel::ids`), which the slot keeps and compares with each packet in a tunnel.
//! * For GRE, the whole key is the id. NVGRE is Ethernet in GRE with a key. Nothing distinguishes it from other such
//!   GRE, so the id is the whole key, and an NVGRE subnet is its upper 24 bits.
//! * VLAN tags of the carrier and of the inner frame are one list, outermost first.
//!
//! The outer endpoints of the flow's first packet are kept beside its slot (`TUNNELS`). The sender's MAC address, the
//! kind and the link length are in lanes of the slot that have room for them.
//!
//! # Octets
//!
//! The octets of the encapsulation need no counter: they are the frame octets, minus the inner octets, minus the
//! packets times the outer link header. The result is exact, because frame octets are exact: each lane also sums, in
//! `extra`, by how much a frame is longer or shorter than its IP octets and the flow's link header. That differs
//! between packets (fragments, options, sequence numbers). Padding of short frames is included. An outer VLAN tag is
//! part of the link header, in the buffer or not.
//!
//! Mirrored traffic (ERSPAN) goes from the mirror to the collector, whatever the direction of the packets inside. Both
//! directions are one flow, within the mirror session. If a mirror truncates a frame, its header says so, and the
//! packet has the octets that are left.
//!
//! A super-packet in a tunnel stands for segments that each repeat all headers: the inner flow's octets include the
//! inner headers, its frame octets also the outer ones. Even with `Decapsulation::None`, such packets are parsed down
//! to the innermost header, to know the length of the repeated headers. If that fails, the packet is still counted in
//! the flow of its carrier.
//!
//! `WireGuard` is encrypted, so the flow is the carrier's own. Its records have the indices of the first packet.

pub mod eoip;
pub mod erspan;
pub mod etherip;
pub mod geneve;
pub mod gre;
pub mod gre_device;
pub mod gtpu;
pub mod l2tp;
pub mod ports;
pub mod pptp;
pub mod pseudowire;
pub mod teredo;
pub mod vxlan;
pub mod vxlan_gpe;
pub mod wireguard;

pub use self::ports::Ports;
use super::bytes::{Bytes, Window};
use super::{
    encap_level::EncapLevel,
    ethertype,
    ip::{self, Ip},
    link,
    packet::Frame,
    protocol::{self, Kind},
    udp,
    walk_start::WalkStart,
};
use crate::abi::tunnel::kind;
use crate::abi::{
    ledger::Reason,
    tunnel::{OuterHeader, TunnelEndpoints, flag},
};

/// Levels of encapsulation that are removed.
pub const DEPTH: u8 = 2;

/// The parts around a packet that distinguish its flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keyed {
    /// VLANs, and the tunnels around it with their ids.
    #[default]
    Way,
    /// None: only the packet's own endpoints count.
    Endpoints,
}

/// The outer packet of a tunnel, as far as it is of interest to the flow inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// One of [`kind`].
    pub tunnel: u8,
    /// Number that distinguishes it from others between the same endpoints; 0 without.
    pub id: u32,
    /// True if it has an id.
    pub has_id: bool,
    /// EtherType of its content.
    pub kind: u16,
    /// Octets of the header.
    pub length: usize,
    /// Octets of header and content.
    pub end: u32,
    /// The sender truncated the content, and marked that in the header.
    pub truncated: bool,
}

impl Carrier {
    /// Creates the carrier of IP in IP, which has no header of its own.
    const fn bare(kind: u16, end: u32) -> Self {
        Self {
            tunnel: kind::IPIP,
            id: 0,
            has_id: false,
            kind,
            length: 0,
            end,
            truncated: false,
        }
    }

    /// True if the id is in a key. The ids of GTP-U, PPTP and L2TP name the tunnel's receiving end, so the two directions have
    /// different ones.
    #[inline(always)]
    const fn is_keyed(&self, keyed: Keyed) -> bool {
        matches!(keyed, Keyed::Way) && !matches!(self.tunnel, kind::GTPU | kind::PPTP | kind::L2TP)
    }

    /// The id and its presence in one number, different for any two ids. One id has the number of a missing id.
    #[inline(always)]
    const fn identity(&self) -> u32 {
        // A tunnel without an id differs from a tunnel with the id 0.
        self.id.wrapping_mul(ODD_HALF) ^ !(self.has_id as u32)
    }

    /// Returns an equal carrier of which the kernel's verifier knows nothing. Otherwise the verifier would check the code for the
    /// content once for each kind of tunnel.
    #[inline(always)]
    fn blurred<B: Bytes>(self, bytes: B) -> Self {
        let flags = bytes.barrier_var(
            usize::from(self.tunnel)
                | usize::from(self.has_id) << 8
                | usize::from(self.truncated) << 9
                | usize::from(self.kind) << 16,
        );
        Self {
            tunnel: flags as u8,
            id: bytes.barrier_var(self.id as usize) as u32,
            has_id: flags & 0x100 != 0,
            kind: (flags >> 16) as u16,
            length: bytes.barrier_var(self.length),
            end: bytes.barrier_var(self.end as usize) as u32,
            truncated: flags & 0x200 != 0,
        }
    }
}

/// A tunnel, and the ports of its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its header.
    pub carrier: Carrier,
    /// Offset of the header.
    pub at: usize,
    /// Ports of the outer datagram; zeroes without.
    pub ports: [u16; 2],
}

impl Opened {
    /// True if a datagram's port led to it, not a protocol number.
    #[inline(always)]
    const fn is_datagram(&self) -> bool {
        self.ports[0] | self.ports[1] != 0
    }
}

/// True if a packet may carry another packet. The protocol decides; for UDP, `carries` decides by the ports. `carries` is called
/// for UDP only.
#[inline(always)]
#[must_use]
pub fn may_carry(kind: Kind, ports: [u16; 2], carries: impl FnOnce([u16; 2]) -> bool) -> bool {
    match kind {
        Kind::Tcp | Kind::Ports | Kind::Other => false,
        Kind::Udp => carries(ports),
        Kind::Carrier => true,
    }
}

/// True if a packet may be `WireGuard`'s, by either port.
#[inline(always)]
#[must_use]
pub const fn may_be_session(kind: Kind, [from, to]: [u16; 2], sessions: ports::Set) -> bool {
    matches!(kind, Kind::Udp) && (sessions.has(from) || sessions.has(to))
}

/// Looks for a tunnel behind an IP header.
///
/// The receiver's port of a datagram names the tunnel; for L2TP and Teredo either port does. A datagram whose content cannot
/// begin with that tunnel's header is no tunnel.
#[inline(always)]
fn open<B: Bytes>(bytes: B, ip: &Ip, ports: &Ports, whole: bool) -> Result<Option<Opened>, Reason> {
    let (at, available) = (ip.payload, ip.payload_length());
    let mut room = available;
    let mut l2tp = None;
    let (mut found, at, datagram) = match ip.protocol {
        protocol::IPV4 => (Some(Carrier::bare(ethertype::IPV4, available)), at, [0; 2]),
        protocol::IPV6 => (Some(Carrier::bare(ethertype::IPV6, available)), at, [0; 2]),
        protocol::GRE => (gre::parse(bytes, at, available, whole)?, at, [0; 2]),
        protocol::ETHERIP => (etherip::parse(bytes, at, available)?, at, [0; 2]),
        protocol::L2TP => {
            l2tp = Some(l2tp::Over::Ip);
            (None, at, [0; 2])
        }
        protocol::UDP => {
            let datagram = udp::parse(bytes, at, available, whole)?;
            let [_, port] = datagram;
            room = udp::content(bytes, at, available, whole);
            let at = at + udp::LENGTH;
            let found = if ports.vxlan.has(port) {
                vxlan::parse(bytes, at, room)?
            } else if ports.vxlan_gpe.has(port) {
                vxlan_gpe::parse(bytes, at, room)?
            } else if ports.geneve.has(port) {
                geneve::parse(bytes, at, room)?
            } else if ports.gtpu.has(port) {
                gtpu::parse(bytes, at, room, whole)?
            } else if ports.l2tp.has_any(datagram) {
                l2tp = Some(l2tp::Over::Udp);
                None
            } else if ports.teredo.has_any(datagram) {
                teredo::parse(bytes, at, room)?
            } else {
                None
            };
            (found, at, datagram)
        }
        _ => (None, at, [0; 2]),
    };
    // One call serves L2TP over UDP and over IP, so the compiled program has `l2tp::parse` once.
    if let Some(over) = l2tp {
        found = l2tp::parse(bytes, over, at, room, whole)?;
    }
    Ok(found.map(|carrier| {
        // Without a datagram, both ports are 0. If the kernel's verifier knew that, it would check the following code once with ports
        // and once without.
        let [from, to] = datagram.map(usize::from);
        let ports = bytes.barrier_var(from << 16 | to);
        Opened {
            carrier: carrier.blurred(bytes),
            at: bytes.barrier_var(at),
            ports: [(ports >> 16) as u16, ports as u16],
        }
    }))
}

/// Removes one level of encapsulation from a packet whose IP header was read. `None` if it carries no IP packet: then it
/// belongs to its own endpoints. A datagram carries a packet if a valid IP header is inside; later faults are those of the
/// inner packet.
///
/// # Errors
/// The reason of a header between the two IP headers, if it is out of reach; behind a protocol number also if it is malformed.
/// [`Reason::TooDeep`] for too many tags between them. [`Reason::TooManyTunnels`] for a level beyond [`DEPTH`].
#[inline(always)]
pub fn descend<B: Bytes>(
    bytes: B,
    frame: &Frame,
    level: &EncapLevel,
    ip: &Ip,
    ports: &Ports,
    keyed: Keyed,
) -> Result<Option<(EncapLevel, Opened)>, Reason> {
    let Some(opened) = open(bytes, ip, ports, level.has_whole(frame, ip))? else {
        return Ok(None);
    };
    let goes_on = level.goes_on || ip.fragment || opened.carrier.truncated;
    let layer = WalkStart {
        kind: opened.carrier.kind,
        at: bytes.barrier_var(opened.at + opened.carrier.length),
        end: opened.at as u32 + opened.carrier.end,
        goes_on,
    };
    if layer.at as u32 >= layer.end {
        return Ok(None);
    }
    let mut vlans = level.vlans;
    // A port is only a hint: without a packet behind it, the datagram is no tunnel.
    let by_port = opened.is_datagram();
    let reached = match link::follow(bytes, frame, &layer, &mut vlans) {
        Ok(reached) => reached,
        Err(Reason::Arp | Reason::Llc | Reason::OtherEthertype) => return Ok(None),
        Err(Reason::TooDeep) => return Err(Reason::TooDeep),
        Err(_) if by_port && layer.is_at_hand(bytes) => return Ok(None),
        Err(reason) => return Err(reason),
    };
    // If nothing names the content, its length has to agree as well.
    let fits = layer.kind == WalkStart::BARE_IP && !goes_on && !frame.segmented;
    if by_port && !ip::can_begin(bytes, &reached, fits) {
        return Ok(None);
    }
    if level.depth >= DEPTH {
        return Err(Reason::TooManyTunnels);
    }
    let inner = EncapLevel {
        reached,
        vlans,
        digest: digest(level.digest, &opened.carrier, ip, keyed),
        ids: ids(level.ids, &opened.carrier, keyed),
        goes_on,
        depth: level.depth + 1,
    };
    Ok(Some((inner, opened)))
}

/// The outer header for the flow, from the tunnel behind the outermost IP header.
#[inline(always)]
#[must_use]
pub fn outer(level: &EncapLevel, ip: &Ip, opened: &Opened, mac: [u8; 6]) -> OuterHeader {
    let carrier = &opened.carrier;
    let mut flags = carrier.tunnel;
    if carrier.has_id {
        flags |= flag::HAS_ID;
    }
    if carrier.tunnel == kind::IPIP && carrier.kind == ethertype::IPV6 {
        flags |= flag::CARRIES_IPV6;
    }
    if ip.addresses.is_v6() {
        flags |= flag::OUTER_IPV6;
    }
    OuterHeader {
        ends: TunnelEndpoints {
            addresses: ip.addresses.words(),
            id: carrier.id,
            ports: opened.ports,
        },
        mac,
        flags,
        link_length: if level.reached.at > 255 {
            255
        } else {
            level.reached.at as u8
        },
    }
}

const ODD_HALF: u32 = 0x9e37_79b1;

/// Digest that distinguishes the flows of two tunnels, the same in both directions: kind, outer addresses, and the id if it is
/// part of the key. Ports are not in it, because senders derive one of them from the inner flow.
///
/// Two tunnels that differ only in such ids never have the same digest.
#[inline(always)]
fn digest(outside: u32, carrier: &Carrier, ip: &Ip, keyed: Keyed) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let [one, other] = ip.addresses.words();
    let later = one[0] > other[0] || (one[0] == other[0] && one[1] > other[1]);
    let [low, high] = if later { [other, one] } else { [one, other] };
    let mut found = u64::from(outside) << 8 | u64::from(carrier.tunnel);
    for word in [low[0], low[1], high[0], high[1]] {
        found = (found ^ word).wrapping_mul(ODD);
        found ^= found >> 29;
    }
    let id = if carrier.is_keyed(keyed) {
        carrier.identity()
    } else {
        0
    };
    (found >> 32) as u32 ^ id
}

/// The ids that are not in [`digest`], outermost first, so a flow can tell if all its packets had the same ids. Never 0
/// if there is one.
#[inline(always)]
fn ids(outside: u32, carrier: &Carrier, keyed: Keyed) -> u32 {
    if carrier.is_keyed(keyed) {
        return outside;
    }
    let found = outside.rotate_left(5).wrapping_mul(ODD_HALF) ^ carrier.identity();
    if found == 0 { 1 } else { found }
}

#[cfg(test)]
pub(crate) mod tests;
