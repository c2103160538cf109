//! Rules that turn tshark's layers into flows. Each rule is computed from tshark's own fields; docs/ACCURACY.md
//! explains it.

mod fragments;
mod ip;
mod transport;
mod tunnel;

use std::net::IpAddr;

pub(crate) use self::fragments::Fragments;
use crate::{
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
