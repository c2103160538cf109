//! Tunnels: the packet inside of another one.

use super::{
    ETHERIP, MOST_TUNNELS, UDP,
    ip::{Ip, Level},
};
use crate::{link, tshark::Layer};

/// Content of a packet.
pub(super) enum Carried<'a> {
    /// Another packet, one tunnel deeper.
    Packet(Level, &'a [Layer]),
    /// Data of its own endpoints.
    NoPacket,
}

impl Level {
    /// Returns the content of a packet. `None` if a header around it is invalid.
    pub(super) fn tunnel<'a>(&self, ip: &Ip<'a>) -> Option<Carried<'a>> {
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
