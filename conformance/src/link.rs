//! Finds IP behind the start of a frame, or of a tunnel's payload.

use crate::tshark::{Frame, Layer};

const MOST_TAGS: usize = 4;
const MOST_LABELS: usize = 8;

/// Content behind the headers of a link.
pub(crate) struct Inside<'a> {
    /// Layers from IP on.
    pub(crate) layers: &'a [Layer],
    /// Its end, if a header has one.
    end: Option<u64>,
}

impl Inside<'_> {
    /// Returns its end within an outer end. `None` if its header claims more.
    pub(crate) fn end_in(&self, end: u64) -> Option<u64> {
        match self.end {
            Some(told) => (told <= end).then_some(told),
            None => Some(end),
        }
    }
}

/// Returns the octets of the frame that the capture itself added.
pub(crate) fn capture_header(frame: &Frame) -> u64 {
    let Some(first) = frame.layers.first() else {
        return 0;
    };
    let header = match first.name.as_str() {
        "sll" | "radiotap" | "prism" | "wlancap" | "ppi" | "ipnet" | "pflog" | "enc" => first.size,
        // tshark removes the header of SunATM itself.
        "null" => 4,
        // Its packet is an attribute, shown as a layer of its own; padding follows.
        "nflog" => frame.layers.get(1).map_or(first.size, |packet| {
            let length = packet.number("ip.len");
            let length = length.or_else(|| Some(packet.number("ipv6.plen")? + 40));
            frame
                .length
                .saturating_sub(length.unwrap_or(0))
                .max(packet.at)
        }),
        // Juniper's header is no layer.
        "eth" => first.at,
        _ => 0,
    };
    header.min(frame.length)
}

/// Returns the IP header behind the link header of a frame.
pub(crate) fn outermost(frame: &Frame) -> Option<Inside<'_>> {
    let (first, rest) = frame.layers.split_first()?;
    match first.name.as_str() {
        "raw" => inside(rest),
        "null" => behind(rest, 4),
        "sll" => behind(rest, first.size),
        name if is_link(name) => {
            let links = frame.layers.iter().take_while(|layer| is_link(&layer.name));
            inside(frame.layers.get(links.count()..)?)
        }
        _ => inside(&frame.layers),
    }
}

/// Headers of links other than Ethernet. tshark decides where each ends: the next layer begins there.
fn is_link(name: &str) -> bool {
    matches!(
        name,
        "ppp"
            | "chdlc"
            | "fr"
            | "tr"
            | "fddi"
            | "llc"
            | "atm"
            | "clip"
            | "ipnet"
            | "ipoib"
            | "nflog"
            | "pflog"
            | "enc"
    ) || matches!(name, "wlan" | "radiotap" | "prism" | "wlancap" | "ppi")
}

/// Returns the IP header with which layers begin, behind an Ethernet header or directly.
pub(crate) fn inside(layers: &[Layer]) -> Option<Inside<'_>> {
    behind(layers, layers.first()?.at)
}

/// Returns the content of GRE and L2TP. PPP and ERSPAN have headers before a packet or frame.
pub(crate) fn behind_gre(layers: &[Layer]) -> &[Layer] {
    match layers.split_first() {
        Some((first, rest)) if matches!(first.name.as_str(), "ppp" | "erspan") => rest,
        _ => layers,
    }
}

/// Skips Ethernet headers, tags, services, labels and sessions. Each must begin where the previous one ends.
fn behind(mut layers: &[Layer], mut at: u64) -> Option<Inside<'_>> {
    let mut end: Option<u64> = None;
    let [mut tags, mut labels] = [0, 0];
    // An IEEE 802.3 length before LLC.
    let mut length = None;
    loop {
        let (layer, rest) = layers.split_first()?;
        if layer.name.starts_with("ieee8021a") && layer.at < at {
            // Part of the previous layer.
            layers = rest;
            continue;
        }
        if layer.at != at {
            return None;
        }
        match layer.name.as_str() {
            "ip" | "ipv6" => return Some(Inside { layers, end }),
            "eth" => {
                length = layer.number("eth.len");
                tags = 0;
                at += 14;
            }
            "vlan" | "ieee8021ad" if tags < MOST_TAGS && service(layer).is_none() => {
                length = layer.number("vlan.len");
                tags += 1;
                at += 4;
            }
            // A service's tag and the customer's addresses. One of its two layers has its number.
            "ieee8021ah" | "ieee8021ad" => {
                if service(layer).is_some() {
                    tags = 0;
                    at += 18;
                }
            }
            "llc" => {
                at += llc(layer, rest)?;
                let told = layer.at + length?;
                end = Some(told.min(end.unwrap_or(told)));
            }
            "cmd" => {
                let field = |name| layer.number(name);
                if field("cmd.version")? != 1 || field("cmd.length")? != 1 {
                    return None;
                }
                at += 8;
            }
            "nsh" if labels == 0 => {
                tags = 0;
                at += layer.number("nsh.length")? * 4;
            }
            "mpls" if labels < MOST_LABELS => {
                labels += 1;
                at += 4;
            }
            "pwethcw" => at += 4,
            "pppoes" => {
                // The protocol of PPP with both octets.
                let ppp = rest
                    .first()
                    .filter(|ppp| ppp.name == "ppp" && ppp.size == 2)?;
                let payload = layer.number("pppoe.payload_length")?;
                let field = |name| layer.number(name);
                let session = field("pppoe.version")? == 1
                    && field("pppoe.type")? == 1
                    && field("pppoe.code")? == 0;
                if !session || payload < 2 {
                    return None;
                }
                end = Some(layer.at + 6 + payload);
                at = ppp.at + 2;
                layers = rest.get(1..)?;
                continue;
            }
            _ => return None,
        }
        layers = rest;
    }
}

/// Returns the service in a tag of a provider's backbone.
fn service(layer: &Layer) -> Option<u64> {
    layer.number("ieee8021ah.isid")
}

/// Returns the octets of LLC before an EtherType, or before IP without one.
fn llc(layer: &Layer, rest: &[Layer]) -> Option<u64> {
    let is_ip = rest.first().is_some_and(|next| next.name == "ip");
    match (layer.number("llc.oui"), layer.number("llc.type")) {
        (Some(0 | 0xf8), Some(0x600..)) => Some(8),
        (None, _) if is_ip && layer.number("llc.dsap") == Some(6) => Some(3),
        _ => None,
    }
}
