//! From the start of a frame, or of what a tunnel carries, to IP.

use crate::tshark::{Frame, Layer};

const MOST_TAGS: usize = 4;
const MOST_LABELS: usize = 8;

/// What is behind the headers of a link.
pub(crate) struct Inside<'a> {
    /// From IP on.
    pub(crate) layers: &'a [Layer],
    /// Where it ends, if a header says so.
    pub(crate) end: Option<u64>,
}

/// Octets of the frame that the capture itself put before it.
pub(crate) fn capture_header(frame: &Frame) -> u64 {
    let header = match frame.layers.first() {
        Some(layer) if layer.name == "sll" => layer.size,
        Some(layer) if layer.name == "null" => 4,
        _ => 0,
    };
    header.min(frame.length)
}

/// The IP header that a frame begins with behind its link header.
pub(crate) fn outermost(frame: &Frame) -> Option<Inside<'_>> {
    let (first, rest) = frame.layers.split_first()?;
    match first.name.as_str() {
        "raw" => inside(rest),
        "null" => behind(rest, 4),
        "sll" => behind(rest, first.size),
        _ => inside(&frame.layers),
    }
}

/// The IP header that layers begin with, behind an Ethernet header or by itself.
pub(crate) fn inside(layers: &[Layer]) -> Option<Inside<'_>> {
    let (first, rest) = layers.split_first()?;
    match first.name.as_str() {
        "eth" => behind(rest, first.at + 14),
        _ => behind(layers, first.at),
    }
}

/// Steps over tags, labels and sessions, each of which must begin where the one before ends.
fn behind(mut layers: &[Layer], mut at: u64) -> Option<Inside<'_>> {
    let mut end = None;
    let [mut tags, mut labels] = [0, 0];
    loop {
        let (layer, rest) = layers.split_first()?;
        if layer.at != at {
            return None;
        }
        match layer.name.as_str() {
            "ip" | "ipv6" => return Some(Inside { layers, end }),
            "vlan" | "ieee8021ad" if tags < MOST_TAGS => {
                tags += 1;
                at += 4;
            }
            "mpls" if labels < MOST_LABELS => {
                labels += 1;
                at += 4;
            }
            "pppoes" => {
                // The protocol of PPP in both of its octets.
                let ppp = rest
                    .first()
                    .filter(|ppp| ppp.name == "ppp" && ppp.size == 2)?;
                let payload = layer.number("pppoe.payload_length");
                end = payload.map(|octets| layer.at + 6 + octets);
                at = ppp.at + 2;
                layers = rest.get(1..)?;
                continue;
            }
            _ => return None,
        }
        layers = rest;
    }
}
