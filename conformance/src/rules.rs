//! Rules that turn tshark's layers into flows. Each rule is computed from tshark's own fields; docs/ACCURACY.md
//! explains it.

use std::{collections::HashMap, net::IpAddr};

use crate::{
    conversation::Conversation,
    link,
    tshark::{Frame, Layer},
};

/// Headers are parsed within this many octets of a frame.
const HEADER_LIMIT: u64 = 512;
const MOST_EXTENSIONS: usize = 8;
/// Largest number of decapsulated levels.
const MOST_TUNNELS: u8 = 2;

/// An EtherType of VLAN tags that tshark does not know.
const QINQ2: u64 = 0x9200;

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
const ETHERIP: u64 = 97;
const SCTP: u64 = 132;
const UDP_LITE: u64 = 136;

/// Addresses, identification and protocol of a fragmented packet.
type Parts = ([IpAddr; 2], u64, u64);

/// Fragments so far.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// Conversations of first fragments, and if the outer packet was the fragmented one.
    known: HashMap<Parts, (Conversation, bool)>,
    /// Later fragments without a first: their number, and their octets with and without IP headers.
    early: HashMap<Parts, [u64; 3]>,
}

impl Fragments {
    /// Returns the conversation of a frame, and the packets and IP octets that it adds, including earlier fragments.
    /// `None` if the frame is in no flow yet.
    pub(crate) fn conversation(&mut self, frame: &Frame) -> Option<(Conversation, [u64; 2])> {
        let inside = link::outermost(frame)?;
        let level = Level {
            // The payload may be beyond the captured octets, but the headers may not.
            seen: frame.captured.min(HEADER_LIMIT),
            end: inside.end_in(frame.length)?,
            goes_on: false,
            depth: 0,
        };
        self.walk(&level, inside.layers)
    }

    fn walk(&mut self, level: &Level, layers: &[Layer]) -> Option<(Conversation, [u64; 2])> {
        let ip = level.ip(layers)?;
        let parts = (ip.ends, ip.identification, ip.number());
        if ip.later {
            let Some(&(conversation, around)) = self.known.get(&parts) else {
                let early = self.early.entry(parts).or_default();
                for (sum, one) in early.iter_mut().zip([1, ip.length, ip.available()]) {
                    *sum += one;
                }
                return None;
            };
            let octets = if around { ip.available() } else { ip.length };
            return Some((conversation, [1, octets]));
        }
        let (conversation, [mut packets, mut octets], around) = match level.tunnel(&ip)? {
            Carried::Packet(inner, layers) => {
                let (conversation, counts) = self.walk(&inner, layers)?;
                (conversation, counts, true)
            }
            Carried::NoPacket => (level.transport(&ip)?, [1, ip.length], false),
        };
        if ip.fragment {
            if let Some([before, whole, payload]) = self.early.remove(&parts) {
                packets += before;
                octets += if around { payload } else { whole };
            }
            self.known.insert(parts, (conversation, around));
        }
        Some((conversation, [packets, octets]))
    }
}

/// Returns the endpoints of an IPv6 packet that tshark does not dissect: one with a length of 0, and hop-by-hop
/// options without a jumbo option.
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

/// Returns true if tshark may miss IP: behind MPLS, where it decides by the first octets, and behind unknown headers.
pub(crate) fn is_missed(frame: &Frame) -> bool {
    let is_unknown = |layer: &Layer| {
        let types = ["eth.type", "vlan.etype", "ieee8021ah.etype", "cmd.type"];
        types.iter().any(|field| {
            matches!(layer.number(field), Some(QINQ2))
                // Behind a service's tag, tshark knows no lengths.
                || (*field == "ieee8021ah.etype"
                    && layer.number(field).is_some_and(|kind| kind <= 1500))
        })
    };
    let is_labelled = |layer: &Layer| layer.name == "mpls";
    frame
        .layers
        .iter()
        .any(|layer| is_labelled(layer) || is_unknown(layer))
}

/// An IP packet at some tunnel level.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is what a header says, whatever the others say"
)]
struct Ip<'a> {
    ends: [IpAddr; 2],
    protocol: u64,
    at: u64,
    /// Octets, including the header.
    length: u64,
    /// Offset of its payload.
    payload: u64,
    identification: u64,
    is_v6: bool,
    fragment: bool,
    later: bool,
    jumbo: bool,
    behind: &'a [Layer],
}

impl<'a> Ip<'a> {
    /// Returns the octets of its payload.
    fn available(&self) -> u64 {
        self.length - (self.payload - self.at)
    }

    /// Returns the protocol number that its fragments share, besides addresses and identification.
    fn number(&self) -> u64 {
        if self.is_v6 {
            IPV6_FRAGMENT
        } else {
            self.protocol
        }
    }

    /// Returns the layer directly behind it, if it has this name.
    fn next(&self, name: &str) -> Option<&'a Layer> {
        let layer = self.behind.first()?;
        (layer.name == name && layer.at == self.payload).then_some(layer)
    }
}

/// Content of a packet.
enum Carried<'a> {
    /// Another packet, one tunnel deeper.
    Packet(Level, &'a [Layer]),
    /// Data of its own endpoints.
    NoPacket,
}

/// A tunnel level.
struct Level {
    /// Octets of the frame that may be parsed.
    seen: u64,
    /// End of the outer packet.
    end: u64,
    /// The outer packet is a first fragment.
    goes_on: bool,
    depth: u8,
}

impl Level {
    /// Returns true if a header of this many octets may be parsed.
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

    /// Returns the length that a header claims, if it is possible.
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
                // With a source route, tshark shows its end as the receiver.
                ip.text("ip.cur_rt").or(ip.text("ip.dst"))?.parse().ok()?,
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

    /// Returns the content of a packet. `None` if a header around it is invalid.
    fn tunnel<'a>(&self, ip: &Ip<'a>) -> Option<Carried<'a>> {
        let mut end = ip.at + ip.length;
        let carried: &[Layer] = match ip.protocol {
            4 | 41 => ip.behind,
            47 => {
                if !self.holds(ip.payload, 4) || ip.available() < 4 {
                    return None;
                }
                let Some(gre) = ip.next("gre") else {
                    return Some(Carried::NoPacket);
                };
                // Enhanced GRE has the end of its payload.
                if let Some(octets) = gre.number("gre.key.payload_length") {
                    end = end.min(gre.at + gre.size + octets);
                }
                link::behind_gre(ip.behind.get(1..)?)
            }
            ETHERIP => match ip.next("etherip") {
                Some(etherip) if etherip.number("etherip.ver")? == 3 => ip.behind.get(1..)?,
                _ => return Some(Carried::NoPacket),
            },
            UDP => {
                self.transport(ip)?;
                let udp = ip.next("udp")?;
                let ports = [udp.number("udp.dstport")?, udp.number("udp.srcport")?];
                let carrier = match ports[0] {
                    4789 | 4790 => "vxlan",
                    6081 => "geneve",
                    2152 => "gtp",
                    _ if ports.contains(&1701) => "l2tp",
                    _ if ports.contains(&3544) => "teredo",
                    _ => return Some(Carried::NoPacket),
                };
                let length = udp.number("udp.length")?;
                if length != 0 && self.is_whole(ip) {
                    end = ip.payload + length;
                }
                match ip.behind.get(1) {
                    Some(layer) if layer.name == carrier => link::behind_gre(ip.behind.get(2..)?),
                    _ => return Some(Carried::NoPacket),
                }
            }
            _ => return Some(Carried::NoPacket),
        };
        let Some(inside) = link::inside(carried) else {
            return Some(Carried::NoPacket);
        };
        let end = inside.end_in(end)?;
        let layers = inside.layers;
        let inner = Self {
            seen: self.seen,
            end,
            goes_on: self.goes_on || ip.fragment,
            depth: self.depth + 1,
        };
        // A datagram at a tunnel's port is a tunnel only if IP follows; GTP-U also needs the whole packet.
        let around = ip.behind.get(1).map(|layer| layer.name.as_str());
        let fits =
            ip.next("udp").is_some() && matches!(around, Some("gtp" | "teredo")) && !inner.goes_on;
        if ip.protocol == UDP && around == Some("teredo") && !is_of_teredo(layers) {
            return Some(Carried::NoPacket);
        }
        if ip.protocol == UDP && !inner.can_begin(layers, fits) {
            return Some(Carried::NoPacket);
        }
        (inner.depth <= MOST_TUNNELS).then_some(Carried::Packet(inner, layers))
    }

    /// Returns true if an IP header can begin there, or if that is beyond the captured octets.
    fn can_begin(&self, layers: &[Layer], fits: bool) -> bool {
        let Some(ip) = layers.first() else {
            return false;
        };
        let room = self.end.saturating_sub(ip.at);
        let (shortest, version) = if ip.name == "ip" { (20, 4) } else { (40, 6) };
        let field = |name: &str| ip.number(&format!("{}.{name}", ip.name));
        if room < shortest {
            return false;
        }
        if !self.holds(ip.at, shortest) {
            return true;
        }
        let (header, claimed) = if ip.name == "ip" {
            (field("hdr_len"), field("len"))
        } else {
            (Some(40), field("plen").map(|octets| octets + 40))
        };
        let (Some(header), Some(claimed)) = (header, claimed) else {
            return false;
        };
        field("version") == Some(version)
            && (shortest..=room).contains(&header)
            && (claimed == 0 || claimed >= header)
            && !(fits && claimed > room)
    }

    /// Returns true if lengths above IP can be compared with the packet's.
    fn is_whole(&self, ip: &Ip<'_>) -> bool {
        !(ip.fragment || ip.jumbo || self.goes_on)
    }

    /// Returns the conversation of a packet with a valid transport header.
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
                needs(16)?;
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
                let words = ip.next("ah")?.number("ah.length")?;
                (12..=available)
                    .contains(&((words + 2) * 4))
                    .then_some(())?;
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

/// Returns true for an IPv6 packet with an address of a Teredo client, or a link-local sender.
fn is_of_teredo(layers: &[Layer]) -> bool {
    let address = |name| -> Option<std::net::Ipv6Addr> { layers.first()?.text(name)?.parse().ok() };
    let Some((source, destination)) = address("ipv6.src").zip(address("ipv6.dst")) else {
        return false;
    };
    let is_client = |address: std::net::Ipv6Addr| address.segments()[..2] == [0x2001, 0];
    is_client(source) || is_client(destination) || source.segments()[0] & 0xffc0 == 0xfe80
}

/// Returns tshark's name of an extension header that others may follow.
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
