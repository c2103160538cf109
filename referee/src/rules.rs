//! What tshark's layers are to a flow. Each rule is computed from tshark's own fields and is explained in docs/ACCURACY.md.

use std::net::IpAddr;

use crate::{
    conversation::Conversation,
    tshark::{Frame, Layer},
};

/// Headers are looked for in so many octets of a frame.
const HEADER_LIMIT: u64 = 512;
const MOST_TAGS: usize = 4;
const MOST_EXTENSIONS: usize = 8;

const HOP_BY_HOP: u64 = 0;
const ICMP: u64 = 1;
const TCP: u64 = 6;
const UDP: u64 = 17;
const ICMPV6: u64 = 58;

/// Octets of the frame that the capture itself put before it.
pub(crate) fn capture_header(frame: &Frame) -> u64 {
    match frame.layers.first().map(|layer| layer.name.as_str()) {
        Some("sll") if frame.layers[0].size == 20 => 20.min(frame.length),
        Some("sll") => 16.min(frame.length),
        Some("null") => 4.min(frame.length),
        _ => 0,
    }
}

/// The conversation that a frame is of, and its IP octets; none for a frame that is in no flow.
pub(crate) fn conversation(frame: &Frame) -> Option<(Conversation, u64)> {
    let layers = link(frame)?;
    let place = Place {
        frame,
        // What is behind the headers may be beyond what was captured, the headers may not.
        seen: frame.captured.min(HEADER_LIMIT),
        end: frame.length,
    };
    match layers.first()?.name.as_str() {
        "ip" => ipv4(&place, layers),
        "ipv6" => ipv6(&place, layers),
        _ => None,
    }
}

/// The layers behind the link's own, if the next one begins where they end.
fn link(frame: &Frame) -> Option<&[Layer]> {
    let (first, mut rest) = frame.layers.split_first()?;
    let mut end = match first.name.as_str() {
        "eth" => 14,
        "sll" => first.size,
        "null" => 4,
        "raw" => 0,
        "ip" | "ipv6" => return Some(&frame.layers),
        _ => return None,
    };
    let mut tags = 0;
    while let Some((layer, behind)) = rest.split_first() {
        match layer.name.as_str() {
            "vlan" | "ieee8021ad" if layer.at == end => {
                tags += 1;
                end += 4;
                rest = behind;
            }
            _ => break,
        }
    }
    let next = rest.first()?;
    (tags <= MOST_TAGS && next.at == end).then_some(rest)
}

/// Where in a frame headers may be.
struct Place<'a> {
    frame: &'a Frame,
    /// Octets that can be looked at.
    seen: u64,
    /// Where the packet around ends.
    end: u64,
}

impl Place<'_> {
    /// Whether a header of so many octets can be looked at.
    fn holds(&self, at: u64, octets: u64) -> bool {
        at + octets <= self.seen
    }
}

fn ipv4(place: &Place<'_>, layers: &[Layer]) -> Option<(Conversation, u64)> {
    let (ip, behind) = layers.split_first()?;
    let available = place.end.checked_sub(ip.at)?;
    let header = ip.number("ip.hdr_len")?;
    let length = match ip.number("ip.len")? {
        0 => available,
        length => length,
    };
    if !place.holds(ip.at, 20)
        || ip.number("ip.version")? != 4
        || header < 20
        || length < header
        || length > available
    {
        return None;
    }
    if ip.number("ip.frag_offset")? != 0 {
        return None;
    }
    let fragment = flag(ip, "ip.flags.mf")?;
    let transport = Transport {
        protocol: ip.number("ip.proto")?,
        at: ip.at + header,
        available: length - header,
        whole: !fragment,
    };
    let ends = [ip.text("ip.src")?, ip.text("ip.dst")?];
    Some((told(place, ends, &transport, behind)?, length))
}

fn ipv6(place: &Place<'_>, layers: &[Layer]) -> Option<(Conversation, u64)> {
    let (ip, mut behind) = layers.split_first()?;
    let available = place.end.checked_sub(ip.at)?;
    let payload = ip.number("ipv6.plen")?;
    let mut next = ip.number("ipv6.nxt")?;
    let jumbo = payload == 0 && (next == HOP_BY_HOP || available > 65_535);
    let length = if jumbo { available } else { payload + 40 };
    if !place.holds(ip.at, 40) || ip.number("ipv6.version")? != 6 || length > available {
        return None;
    }
    let mut at = ip.at + 40;
    let mut fragment = false;
    let mut followed = 0;
    while let Some(name) = extension(next) {
        followed += 1;
        if followed > MOST_EXTENSIONS || !place.holds(at, 8) {
            return None;
        }
        let (header, rest) = behind.split_first()?;
        if header.name != name || header.at != at {
            return None;
        }
        behind = rest;
        next = header.number(&format!("{name}.nxt"))?;
        if name == "ipv6.fraghdr" {
            if header.number("ipv6.fraghdr.offset")? != 0 {
                return None;
            }
            fragment |= flag(header, "ipv6.fraghdr.more")?;
            at += 8;
        } else {
            at += header.number(&format!("{name}.len_oct"))?;
        }
    }
    let transport = Transport {
        protocol: next,
        at,
        available: length.checked_sub(at - ip.at)?,
        whole: !(fragment || jumbo),
    };
    let ends = [ip.text("ipv6.src")?, ip.text("ipv6.dst")?];
    Some((told(place, ends, &transport, behind)?, length))
}

/// What tshark calls an extension header that others may follow.
fn extension(number: u64) -> Option<&'static str> {
    Some(match number {
        HOP_BY_HOP => "ipv6.hopopts",
        43 => "ipv6.routing",
        44 => "ipv6.fraghdr",
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

/// The header behind IP.
struct Transport {
    protocol: u64,
    at: u64,
    /// Octets that IP has for it.
    available: u64,
    /// Not a part of a datagram.
    whole: bool,
}

/// The conversation of a packet whose transport header is right.
fn told(
    place: &Place<'_>,
    ends: [&str; 2],
    transport: &Transport,
    behind: &[Layer],
) -> Option<Conversation> {
    let here = |name: &str| {
        behind
            .first()
            .filter(|layer| layer.name == name && layer.at == transport.at)
    };
    let needs = |octets| transport.available >= octets && place.holds(transport.at, octets);
    let ports = match transport.protocol {
        TCP => {
            let tcp = here("tcp")?;
            let header = tcp.number("tcp.hdr_len")?;
            if !needs(20) || header < 20 || header > transport.available {
                return None;
            }
            [tcp.number("tcp.srcport")?, tcp.number("tcp.dstport")?]
        }
        UDP => {
            let udp = here("udp")?;
            let length = udp.number("udp.length")?;
            let wrong = length != 0 && (length < 8 || length > transport.available);
            if !needs(8) || (transport.whole && wrong) {
                return None;
            }
            [udp.number("udp.srcport")?, udp.number("udp.dstport")?]
        }
        ICMP | ICMPV6 => {
            if !needs(8) {
                return None;
            }
            [0, 0]
        }
        _ => [0, 0],
    };
    let _ = place.frame;
    let end = |at: usize| -> Option<(IpAddr, u16)> {
        Some((ends[at].parse().ok()?, u16::try_from(ports[at]).ok()?))
    };
    let protocol = u8::try_from(transport.protocol).ok()?;
    Some(Conversation::new(end(0)?, end(1)?, protocol))
}
