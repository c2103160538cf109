//! What tshark's layers are to a flow. Each rule is computed from tshark's own fields and is explained in docs/ACCURACY.md.

use std::{collections::HashMap, net::IpAddr};

use crate::{
    conversation::Conversation,
    link::{self, Inside},
    tshark::{Frame, Layer},
};

/// Headers are looked for in so many octets of a frame.
const HEADER_LIMIT: u64 = 512;
const MOST_EXTENSIONS: usize = 8;
/// Levels of encapsulation that are taken off.
const MOST_TUNNELS: u8 = 2;

const HOP_BY_HOP: u64 = 0;
const ICMP: u64 = 1;
const IGMP: u64 = 2;
const TCP: u64 = 6;
const UDP: u64 = 17;
const DCCP: u64 = 33;
const IPV6_FRAGMENT: u64 = 44;
const ESP: u64 = 50;
const AH: u64 = 51;
const ICMPV6: u64 = 58;
const SCTP: u64 = 132;
const UDP_LITE: u64 = 136;

/// Addresses, identification and protocol of a packet in parts.
type Parts = ([IpAddr; 2], u64, u64);

/// First fragments so far: their conversations, and whether it was the packet around that was cut.
#[derive(Debug, Default)]
pub(crate) struct Fragments(HashMap<Parts, (Conversation, bool)>);

impl Fragments {
    /// The conversation that a frame is of, and its IP octets; none for a frame that is in no flow.
    pub(crate) fn conversation(&mut self, frame: &Frame) -> Option<(Conversation, u64)> {
        let inside = link::outermost(frame)?;
        let level = Level {
            // What is behind the headers may be beyond what was captured, the headers may not.
            seen: frame.captured.min(HEADER_LIMIT),
            end: inside.end.unwrap_or(frame.length),
            goes_on: false,
            depth: 0,
        };
        self.walk(&level, inside.layers)
    }

    fn walk(&mut self, level: &Level, layers: &[Layer]) -> Option<(Conversation, u64)> {
        let ip = level.ip(layers)?;
        let parts = (ip.ends, ip.identification, ip.number());
        if ip.later {
            let &(conversation, around) = self.0.get(&parts)?;
            let octets = if around { ip.available() } else { ip.length };
            return Some((conversation, octets));
        }
        let (conversation, octets, around) = match level.tunnel(&ip)? {
            Carried::Packet(inner, layers) => {
                let (conversation, octets) = self.walk(&inner, layers)?;
                (conversation, octets, true)
            }
            Carried::NoPacket => (level.transport(&ip)?, ip.length, false),
        };
        if ip.fragment {
            self.0.insert(parts, (conversation, around));
        }
        Some((conversation, octets))
    }
}

/// The ends of an IPv6 packet of which tshark says nothing more: one with a length of 0 and hop-by-hop options without the
/// one for jumbograms.
pub(crate) fn given_up(frame: &Frame) -> Option<[IpAddr; 2]> {
    let inside = link::outermost(frame)?;
    let (ip, behind) = inside.layers.split_first()?;
    let stops = ip.number("ipv6.plen")? == 0
        && ip.number("ipv6.nxt")? == HOP_BY_HOP
        && behind
            .first()
            .is_none_or(|layer| layer.name != "ipv6.hopopts");
    let ends = [ip.text("ipv6.src")?, ip.text("ipv6.dst")?];
    let [source, destination] = ends.map(str::parse);
    stops.then_some([source.ok()?, destination.ok()?])
}

/// An IP packet, at some depth.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is what a header says, whatever the others say"
)]
struct Ip<'a> {
    ends: [IpAddr; 2],
    protocol: u64,
    at: u64,
    /// Octets, header included.
    length: u64,
    /// Where its payload begins.
    payload: u64,
    identification: u64,
    is_v6: bool,
    fragment: bool,
    later: bool,
    jumbo: bool,
    behind: &'a [Layer],
}

impl<'a> Ip<'a> {
    /// Octets of its payload.
    fn available(&self) -> u64 {
        self.length - (self.payload - self.at)
    }

    /// What its fragments have in common besides addresses and identification.
    fn number(&self) -> u64 {
        if self.is_v6 {
            IPV6_FRAGMENT
        } else {
            self.protocol
        }
    }

    /// The layer right behind it, if it is this one.
    fn next(&self, name: &str) -> Option<&'a Layer> {
        let layer = self.behind.first()?;
        (layer.name == name && layer.at == self.payload).then_some(layer)
    }
}

/// What a packet carries.
enum Carried<'a> {
    /// Another packet, a tunnel deeper.
    Packet(Level, &'a [Layer]),
    /// Its own ends' data.
    NoPacket,
}

/// So many tunnels deep.
struct Level {
    /// Octets of the frame that can be looked at.
    seen: u64,
    /// Where the packet around ends.
    end: u64,
    /// The packet around is the first part of one.
    goes_on: bool,
    depth: u8,
}

impl Level {
    /// Whether a header of so many octets can be looked at.
    fn holds(&self, at: u64, octets: u64) -> bool {
        at + octets <= self.seen
    }

    fn ip<'a>(&self, layers: &'a [Layer]) -> Option<Ip<'a>> {
        match layers.first()?.name.as_str() {
            "ip" => self.ipv4(layers),
            "ipv6" => self.ipv6(layers),
            _ => None,
        }
    }

    /// The length that a header claims, as far as it can be.
    fn length(&self, claimed: u64, available: u64) -> Option<u64> {
        match claimed > available {
            true if self.goes_on => Some(available),
            true => None,
            false => Some(claimed),
        }
    }

    fn ipv4<'a>(&self, layers: &'a [Layer]) -> Option<Ip<'a>> {
        let (ip, behind) = layers.split_first()?;
        let available = self.end.checked_sub(ip.at)?;
        let header = ip.number("ip.hdr_len")?;
        let length = match ip.number("ip.len")? {
            0 => available,
            claimed => self.length(claimed, available)?,
        };
        let sound = self.holds(ip.at, 20) && ip.number("ip.version")? == 4;
        if !sound || header < 20 || length < header {
            return None;
        }
        let later = ip.number("ip.frag_offset")? != 0;
        Some(Ip {
            ends: [
                ip.text("ip.src")?.parse().ok()?,
                ip.text("ip.dst")?.parse().ok()?,
            ],
            protocol: ip.number("ip.proto")?,
            at: ip.at,
            length,
            payload: ip.at + header,
            identification: ip.number("ip.id")?,
            is_v6: false,
            fragment: later || flag(ip, "ip.flags.mf")?,
            later,
            jumbo: false,
            behind,
        })
    }

    fn ipv6<'a>(&self, layers: &'a [Layer]) -> Option<Ip<'a>> {
        let (ip, behind) = layers.split_first()?;
        let available = self.end.checked_sub(ip.at)?;
        let payload = ip.number("ipv6.plen")?;
        let next = ip.number("ipv6.nxt")?;
        let jumbo = payload == 0 && (next == HOP_BY_HOP || available > 65_535);
        let length = if jumbo {
            available
        } else {
            self.length(payload + 40, available)?
        };
        if !self.holds(ip.at, 40) || ip.number("ipv6.version")? != 6 || length < 40 {
            return None;
        }
        let mut packet = Ip {
            ends: [
                ip.text("ipv6.src")?.parse().ok()?,
                ip.text("ipv6.dst")?.parse().ok()?,
            ],
            protocol: next,
            at: ip.at,
            length,
            payload: ip.at + 40,
            identification: 0,
            is_v6: true,
            fragment: false,
            later: false,
            jumbo,
            behind,
        };
        self.follow(&mut packet)?;
        (packet.payload - packet.at <= length).then_some(packet)
    }

    /// Follows extension headers.
    fn follow(&self, packet: &mut Ip<'_>) -> Option<()> {
        let mut followed = 0;
        while let Some(name) = extension(packet.protocol) {
            followed += 1;
            if followed > MOST_EXTENSIONS || !self.holds(packet.payload, 8) {
                return None;
            }
            let header = packet.next(name)?;
            packet.protocol = header.number(&format!("{name}.nxt"))?;
            if name == "ipv6.fraghdr" {
                packet.later = header.number("ipv6.fraghdr.offset")? != 0;
                packet.fragment |= packet.later || flag(header, "ipv6.fraghdr.more")?;
                packet.identification = header.number("ipv6.fraghdr.ident")?;
                packet.payload += 8;
            } else {
                packet.payload += header.number(&format!("{name}.len_oct"))?;
            }
            packet.behind = packet.behind.get(1..)?;
            if packet.later {
                break;
            }
        }
        Some(())
    }

    /// What a packet carries: `None` when what carries it is wrong.
    fn tunnel<'a>(&self, ip: &Ip<'a>) -> Option<Carried<'a>> {
        let mut end = ip.at + ip.length;
        let carried: &[Layer] = match ip.protocol {
            4 | 41 => ip.behind,
            47 => {
                if !self.holds(ip.payload, 4) || ip.available() < 4 {
                    return None;
                }
                match ip.next("gre") {
                    Some(_) => ip.behind.get(1..)?,
                    None => return Some(Carried::NoPacket),
                }
            }
            UDP => {
                self.transport(ip)?;
                let udp = ip.next("udp")?;
                let carrier = match udp.number("udp.dstport")? {
                    4789 => "vxlan",
                    6081 => "geneve",
                    2152 => "gtp",
                    _ => return Some(Carried::NoPacket),
                };
                let length = udp.number("udp.length")?;
                if length != 0 && self.is_whole(ip) {
                    end = ip.payload + length;
                }
                match ip.behind.get(1) {
                    Some(layer) if layer.name == carrier => ip.behind.get(2..)?,
                    _ => return Some(Carried::NoPacket),
                }
            }
            _ => return Some(Carried::NoPacket),
        };
        let Some(Inside {
            layers,
            end: inner_end,
        }) = link::inside(carried)
        else {
            return Some(Carried::NoPacket);
        };
        let inner = Self {
            seen: self.seen,
            end: inner_end.map_or(end, |inner| inner.min(end)),
            goes_on: self.goes_on || ip.fragment,
            depth: self.depth + 1,
        };
        (inner.depth <= MOST_TUNNELS).then_some(Carried::Packet(inner, layers))
    }

    /// Whether lengths above IP can be held against the packet's.
    fn is_whole(&self, ip: &Ip<'_>) -> bool {
        !(ip.fragment || ip.jumbo || self.goes_on)
    }

    /// The conversation of a packet whose transport header is right.
    fn transport(&self, ip: &Ip<'_>) -> Option<Conversation> {
        let available = ip.available();
        let needs = |octets| (available >= octets && self.holds(ip.payload, octets)).then_some(());
        let ports = match ip.protocol {
            TCP => {
                needs(20)?;
                let tcp = ip.next("tcp")?;
                let header = tcp.number("tcp.hdr_len")?;
                (header >= 20 && header <= available).then_some(())?;
                [tcp.number("tcp.srcport")?, tcp.number("tcp.dstport")?]
            }
            UDP | UDP_LITE => {
                needs(8)?;
                // tshark has one dissector for both.
                let udp = ip.next("udp").or_else(|| ip.next("udplite"))?;
                let field = |name| udp.number(name);
                let length = field("udp.length").or_else(|| field("udp.checksum_coverage"))?;
                let short = length != 0 && length < 8;
                if (self.is_whole(ip) && (short || length > available))
                    || (ip.protocol == UDP_LITE && short)
                {
                    return None;
                }
                [field("udp.srcport")?, field("udp.dstport")?]
            }
            SCTP => {
                needs(12)?;
                let sctp = ip.next("sctp")?;
                [sctp.number("sctp.srcport")?, sctp.number("sctp.dstport")?]
            }
            DCCP => {
                needs(12)?;
                let dccp = ip.next("dccp")?;
                [dccp.number("dccp.srcport")?, dccp.number("dccp.dstport")?]
            }
            ICMP | ICMPV6 | ESP => {
                needs(8)?;
                [0, 0]
            }
            AH => {
                needs(12)?;
                [0, 0]
            }
            IGMP => {
                (available >= 8).then_some(())?;
                [0, 0]
            }
            _ => [0, 0],
        };
        let end = |at: usize| Some((ip.ends[at], u16::try_from(ports[at]).ok()?));
        let protocol = u8::try_from(ip.protocol).ok()?;
        Some(Conversation::new(end(0)?, end(1)?, protocol))
    }
}

/// What tshark calls an extension header that others may follow.
fn extension(number: u64) -> Option<&'static str> {
    Some(match number {
        HOP_BY_HOP => "ipv6.hopopts",
        43 => "ipv6.routing",
        IPV6_FRAGMENT => "ipv6.fraghdr",
        60 => "ipv6.dstopts",
        _ => return None,
    })
}

fn flag(layer: &Layer, name: &str) -> Option<bool> {
    match layer.text(name)? {
        "1" | "True" => Some(true),
        "0" | "False" => Some(false),
        _ => None,
    }
}
