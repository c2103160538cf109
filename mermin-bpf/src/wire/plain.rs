//! The walk that most packets need: IP right behind the link header, no fragment, no extension header.
//!
//! It gives what [`packet::walk`](super::packet::walk) gives, or nothing. The kernel program tries it first, where the packet
//! lies; whatever it does not know goes to a second program, so that neither the verifier nor a plain packet pays for rare
//! headers.

use super::{
    bytes::Bytes,
    ethernet, ethertype,
    extension::{self, Chain},
    ipv4, ipv6,
    packet::{Frame, Packet, bare_ip, finish_ipv4, finish_ipv6},
    vlan::Vlans,
};
use crate::abi::ledger::link;

/// Walks a plain frame; `None` for every other.
#[inline(always)]
pub fn walk<B: Bytes>(bytes: B, frame: &Frame) -> Option<Packet> {
    let mut vlans = Vlans::default();
    let (kind, at) = if frame.link == link::ETHERNET {
        if let Some(control) = frame.stripped_vlan {
            vlans.push(control);
        }
        (ethernet::ethertype(bytes).ok()?, ethernet::LENGTH)
    } else {
        (bare_ip(bytes).ok()?, 0)
    };
    match kind {
        ethertype::IPV4 => {
            let ip = ipv4::parse(bytes, at, frame.length).ok()?;
            if ip.fragment {
                return None;
            }
            finish_ipv4(bytes, frame, at, vlans, &ip).ok()
        }
        ethertype::IPV6 => {
            let ip = ipv6::parse(bytes, at, frame.length).ok()?;
            if extension::is_followed(ip.next_header) {
                return None;
            }
            let chain = Chain {
                protocol: ip.next_header,
                at: at + ipv6::LENGTH,
                later_fragment: false,
                fragment: false,
            };
            finish_ipv6(bytes, frame, at, vlans, &ip, &chain).ok()
        }
        _ => None,
    }
}
