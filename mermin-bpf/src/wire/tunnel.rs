//! Packets inside of packets: one level of encapsulation at a time.

pub mod geneve;
pub mod gre;
pub mod gtpu;
pub mod ports;
pub mod vxlan;
pub mod wireguard;

pub use self::ports::Ports;
use super::bytes::{Bytes, Window};
use super::{
    ethertype,
    ip::Ip,
    layer::Layer,
    level::Level,
    link,
    packet::Frame,
    protocol::{self, Kind},
    udp,
};
use crate::abi::tunnel::kind;
use crate::abi::{
    ledger::Reason,
    tunnel::{Ends, Outer, fact},
};

/// Levels of encapsulation that are taken off.
pub const DEPTH: u8 = 2;

/// A tunnel's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// One of [`kind`].
    pub tunnel: u8,
    /// What tells it from others between the same ends; 0 without.
    pub id: u32,
    /// Whether it has an id.
    pub has_id: bool,
    /// EtherType of what is inside.
    pub kind: u16,
    /// Octets of the header.
    pub length: usize,
    /// Octets of header and content.
    pub end: u32,
}

impl Carrier {
    /// IP in IP has no header of its own.
    const fn bare(kind: u16, end: u32) -> Self {
        Self {
            tunnel: kind::IPIP,
            id: 0,
            has_id: false,
            kind,
            length: 0,
            end,
        }
    }
}

/// A tunnel that was found, and the ports of the datagram it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its header.
    pub carrier: Carrier,
    /// Where the header begins.
    pub at: usize,
    /// Ports of the outer datagram; zeroes without.
    pub ports: [u16; 2],
}

/// Whether a packet may carry others: by its protocol, or for a datagram as `carries` says of the receiver's port, which no
/// other packet pays for.
#[inline(always)]
#[must_use]
pub fn may_carry(kind: Kind, [_, port]: [u16; 2], carries: impl FnOnce(u16) -> bool) -> bool {
    match kind {
        Kind::Tcp | Kind::Ports | Kind::Other => false,
        Kind::Udp => carries(port),
        Kind::Carrier => true,
    }
}

/// Whether a packet may be of a session, by either of its ports.
#[inline(always)]
#[must_use]
pub const fn may_be_session(kind: Kind, [from, to]: [u16; 2], sessions: ports::Set) -> bool {
    matches!(kind, Kind::Udp) && (sessions.has(from) || sessions.has(to))
}

/// Looks for a tunnel behind an IP header.
///
/// Datagrams are looked into by the receiver's port. One that plainly is not what its port says is a datagram like others.
#[inline(always)]
fn open<B: Bytes>(bytes: B, ip: &Ip, ports: &Ports, whole: bool) -> Result<Option<Opened>, Reason> {
    let (at, available) = (ip.payload, ip.payload_length());
    let (found, at, datagram) = match ip.protocol {
        protocol::IPV4 => (Some(Carrier::bare(ethertype::IPV4, available)), at, [0; 2]),
        protocol::IPV6 => (Some(Carrier::bare(ethertype::IPV6, available)), at, [0; 2]),
        protocol::GRE => (gre::parse(bytes, at, available)?, at, [0; 2]),
        protocol::UDP => {
            let datagram = udp::parse(bytes, at, available, whole)?;
            let [_, port] = datagram;
            let content = udp::content(bytes, at, available, whole);
            let at = at + udp::LENGTH;
            let found = if content == 0 {
                None
            } else if ports.vxlan.has(port) {
                vxlan::parse(bytes, at, content)?
            } else if ports.geneve.has(port) {
                geneve::parse(bytes, at, content)?
            } else if ports.gtpu.has(port) {
                gtpu::parse(bytes, at, content, whole)?
            } else {
                None
            };
            (found, at, datagram)
        }
        _ => (None, at, [0; 2]),
    };
    Ok(found.map(|carrier| Opened {
        carrier,
        at,
        ports: datagram,
    }))
}

/// Takes one level of encapsulation off a packet whose IP header was read; `None` when it carries no IP packet: then it is
/// a packet of its own ends, whatever else is inside.
///
/// # Errors
/// What is malformed in the tunnel's header or up to the inner IP header; [`Reason::TooManyTunnels`] for a level beyond
/// [`DEPTH`].
#[inline(always)]
pub fn descend<B: Bytes>(
    bytes: B,
    frame: &Frame,
    level: &Level,
    ip: &Ip,
    ports: &Ports,
) -> Result<Option<(Level, Opened)>, Reason> {
    let goes_on = level.goes_on || ip.fragment;
    let Some(opened) = open(bytes, ip, ports, level.has_whole(frame, ip))? else {
        return Ok(None);
    };
    let layer = Layer {
        kind: opened.carrier.kind,
        at: bytes.blur(opened.at + opened.carrier.length),
        end: opened.at as u32 + opened.carrier.end,
        goes_on,
    };
    if layer.at as u32 >= layer.end {
        return Ok(None);
    }
    let mut vlans = level.vlans;
    let reached = match link::follow(bytes, frame, &layer, &mut vlans) {
        Ok(reached) => reached,
        Err(Reason::Arp | Reason::Llc | Reason::OtherEthertype) => return Ok(None),
        Err(reason) => return Err(reason),
    };
    if level.depth >= DEPTH {
        return Err(Reason::TooManyTunnels);
    }
    let inner = Level {
        reached,
        vlans,
        digest: digest(level.digest, &opened.carrier, ip),
        goes_on,
        depth: level.depth + 1,
    };
    Ok(Some((inner, opened)))
}

/// The outer header as it is kept, of what was found behind the IP header of the outermost level.
#[inline(always)]
#[must_use]
pub fn outer(level: &Level, ip: &Ip, opened: &Opened, mac: [u8; 6]) -> Outer {
    let carrier = &opened.carrier;
    let mut facts = carrier.tunnel;
    if carrier.has_id {
        facts |= fact::HAS_ID;
    }
    if carrier.tunnel == kind::IPIP && carrier.kind == ethertype::IPV6 {
        facts |= fact::CARRIES_IPV6;
    }
    if ip.addresses.is_v6() {
        facts |= fact::OUTER_IPV6;
    }
    Outer {
        ends: Ends {
            addresses: ip.addresses.words(),
            id: carrier.id,
            ports: opened.ports,
        },
        mac,
        facts,
        link_length: if level.reached.at > 255 {
            255
        } else {
            level.reached.at as u8
        },
    }
}

/// What tells flows of one tunnel from those of others, and is the same in both directions: kind, id, and the outer
/// addresses. Ports are not in it, because senders choose one of them by the inner flow; nor is GTP-U's id, which
/// names the tunnel's receiving end, so that the two directions have different ones.
///
/// Two tunnels that differ in their ids alone never have the same digest.
#[inline(always)]
fn digest(outside: u32, carrier: &Carrier, ip: &Ip) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    const ODD_HALF: u32 = 0x9e37_79b1;
    let [one, other] = ip.addresses.words();
    let later = one[0] > other[0] || (one[0] == other[0] && one[1] > other[1]);
    let [low, high] = if later { [other, one] } else { [one, other] };
    let mut found = u64::from(outside) << 8 | u64::from(carrier.tunnel);
    for word in [low[0], low[1], high[0], high[1]] {
        found = (found ^ word).wrapping_mul(ODD);
        found ^= found >> 29;
    }
    let id = if carrier.tunnel == kind::GTPU {
        0
    } else {
        // No id is not the id 0.
        (carrier.id.wrapping_mul(ODD_HALF)) ^ !u32::from(carrier.has_id)
    };
    (found >> 32) as u32 ^ id
}

#[cfg(test)]
pub(crate) mod tests;
