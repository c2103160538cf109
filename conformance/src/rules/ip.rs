//! IP headers, with extension headers.

use std::net::IpAddr;

use super::{HOP_BY_HOP, IPV6_FRAGMENT, MOST_EXTENSIONS};
use crate::tshark::Layer;

/// An IP packet at some tunnel level.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is what a header says, whatever the others say"
)]
pub(super) struct Ip<'a> {
    pub(super) ends: [IpAddr; 2],
    pub(super) protocol: u64,
    pub(super) at: u64,
    /// Octets, including the header.
    pub(super) length: u64,
    /// Offset of its payload.
    pub(super) payload: u64,
    pub(super) identification: u64,
    pub(super) is_v6: bool,
    pub(super) fragment: bool,
    pub(super) later: bool,
    pub(super) jumbo: bool,
    pub(super) behind: &'a [Layer],
}

impl<'a> Ip<'a> {
    /// Returns the octets of its payload.
    pub(super) fn available(&self) -> u64 {
        self.length - (self.payload - self.at)
    }

    /// Returns the protocol number that its fragments share, besides addresses and identification.
    pub(super) fn number(&self) -> u64 {
        if self.is_v6 {
            IPV6_FRAGMENT
        } else {
            self.protocol
        }
    }

    /// Returns the layer directly behind it, if it has this name.
    pub(super) fn next(&self, name: &str) -> Option<&'a Layer> {
        let layer = self.behind.first()?;
        (layer.name == name && layer.at == self.payload).then_some(layer)
    }
}

/// A tunnel level.
pub(super) struct Level {
    /// Octets of the frame that may be parsed.
    pub(super) seen: u64,
    /// End of the outer packet.
    pub(super) end: u64,
    /// The outer packet is a first fragment.
    pub(super) goes_on: bool,
    pub(super) depth: u8,
}

impl Level {
    /// Returns true if a header of this many octets may be parsed.
    pub(super) fn holds(&self, at: u64, octets: u64) -> bool {
        at + octets <= self.seen
    }

    pub(super) fn ip<'a>(&self, layers: &'a [Layer]) -> Option<Ip<'a>> {
        match layers.first()?.name.as_str() {
            "ip" => self.ipv4(layers),
            "ipv6" => self.ipv6(layers),
            _ => None,
        }
    }

    /// Returns the length that a header claims, if it is possible.
    pub(super) fn length(&self, claimed: u64, available: u64) -> Option<u64> {
        match claimed > available {
            true if self.goes_on => Some(available),
            true => None,
            false => Some(claimed),
        }
    }

    pub(super) fn ipv4<'a>(&self, layers: &'a [Layer]) -> Option<Ip<'a>> {
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

    pub(super) fn ipv6<'a>(&self, layers: &'a [Layer]) -> Option<Ip<'a>> {
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
    pub(super) fn follow(&self, packet: &mut Ip<'_>) -> Option<()> {
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

    /// Returns true if lengths above IP can be compared with the packet's.
    pub(super) fn is_whole(&self, ip: &Ip<'_>) -> bool {
        !(ip.fragment || ip.jumbo || self.goes_on)
    }
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
