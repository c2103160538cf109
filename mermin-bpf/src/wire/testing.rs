//! Frames for tests, put together from the inside out. Lengths are right; a test that wants them wrong overwrites them.

use std::vec::Vec;

use super::{ethertype, packet::Frame};
use crate::abi::ledger::link;

/// Lower address of every IPv4 frame built here, and sender unless turned round.
pub(crate) const LOW_V4: [u8; 4] = [192, 0, 2, 1];
/// Higher address.
pub(crate) const HIGH_V4: [u8; 4] = [198, 51, 100, 2];
/// Address of IPv6 frames, but for the last octet.
const PREFIX_V6: [u8; 15] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Octets of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;
/// Octets of an IPv4 header without options.
pub(crate) const IPV4: usize = 20;
/// Octets of an IPv6 header.
pub(crate) const IPV6: usize = 40;

/// Some octets, one behind the other.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An Ethernet frame.
pub(crate) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let macs = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    join(&[&macs, &kind.to_be_bytes(), payload])
}

/// Octets behind a VLAN EtherType.
pub(crate) fn tag(control: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&control.to_be_bytes(), &kind.to_be_bytes(), payload])
}

/// LLC and SNAP with an organization's number.
pub(crate) fn snap(organization: u32, kind: u16, payload: &[u8]) -> Vec<u8> {
    let [_, organization @ ..] = organization.to_be_bytes();
    join(&[
        &[0xaa, 0xaa, 3],
        &organization,
        &kind.to_be_bytes(),
        payload,
    ])
}

/// So many MPLS label stack entries.
pub(crate) fn labels(count: usize, payload: &[u8]) -> Vec<u8> {
    let mut stack = [0, 1, 0, 64].repeat(count);
    if let Some(bottom) = stack.len().checked_sub(2) {
        stack[bottom] |= 1;
    }
    join(&[&stack, payload])
}

/// A session's `PPPoE` header and PPP protocol.
pub(crate) fn pppoe(protocol: u16, payload: &[u8]) -> Vec<u8> {
    let length = ((2 + payload.len()) as u16).to_be_bytes();
    let session = [0x11, 0, 0x12, 0x34];
    join(&[&session, &length, &protocol.to_be_bytes(), payload])
}

/// An IPv4 packet, from the lower address to the higher.
pub(crate) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_options(protocol, &[], payload)
}

/// An IPv4 packet with options, whose octets are a multiple of four.
pub(crate) fn ipv4_options(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = IPV4 + options.len();
    let [high, low] = ((header + payload.len()) as u16).to_be_bytes();
    let first = 0x40 | (header / 4) as u8;
    let fixed = [first, 0xb8, high, low, 0, 1, 0, 0, 64, protocol, 0, 0];
    join(&[&fixed, &LOW_V4, &HIGH_V4, options, payload])
}

/// An IPv6 packet, from the lower address to the higher.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = (payload.len() as u16).to_be_bytes();
    let fixed = [0x6b, 0x81, 0x23, 0x45, high, low, next, 63];
    join(&[&fixed, &PREFIX_V6, &[1], &PREFIX_V6, &[2], payload])
}

/// An extension header of `8 + words * 8` octets.
pub(crate) fn options(next: u8, words: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = std::vec![0; 8 + usize::from(words) * 8];
    header[0] = next;
    header[1] = words;
    join(&[&header, payload])
}

/// A fragment header; `offset` is the field with the flag of more to come in its lowest bit.
pub(crate) fn fragment(next: u8, offset: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = offset.to_be_bytes();
    join(&[&[next, 0, high, low, 0, 0, 0, 7], payload])
}

/// A TCP segment without options.
pub(crate) fn tcp(ports: [u16; 2], flags: u8, payload: &[u8]) -> Vec<u8> {
    let rest = [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0];
    let [source, destination] = ports.map(u16::to_be_bytes);
    join(&[&source, &destination, &rest, payload])
}

/// A UDP datagram.
pub(crate) fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let length = ((8 + payload.len()) as u16).to_be_bytes();
    let [source, destination] = ports.map(u16::to_be_bytes);
    join(&[&source, &destination, &length, &[0, 0], payload])
}

/// An ICMP or ICMPv6 message of eight octets.
pub(crate) fn icmp(kind: u8, code: u8, identifier: u16) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    std::vec![kind, code, 0, 0, high, low, 0, 1]
}

/// A VXLAN header.
pub(crate) fn vxlan(vni: u32, payload: &[u8]) -> Vec<u8> {
    join(&[&[8, 0, 0, 0], &(vni << 8).to_be_bytes(), payload])
}

/// A VXLAN-GPE header.
pub(crate) fn vxlan_gpe(vni: u32, next: u8, payload: &[u8]) -> Vec<u8> {
    join(&[&[12, 0, 0, next], &(vni << 8).to_be_bytes(), payload])
}

/// A network service header of so many words.
pub(crate) fn nsh(words: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let context = std::vec![0; usize::from(words) * 4 - 8];
    let path = [0x0f, 0xc0 | words, 2, next, 0, 0, 33, 255];
    join(&[&path, &context, payload])
}

/// A data message of L2TP of version 2, with a length and whole headers of PPP.
pub(crate) fn l2tp(session: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
    let length = 12 + payload.len() as u16;
    let header = [0x4002, length, 9, session, 0xff03, protocol].map(u16::to_be_bytes);
    join(&[&header.concat(), payload])
}

/// Indications of Teredo, the first with an identifier and a value of so many octets, before a packet.
pub(crate) fn teredo(authentication: Option<[u8; 2]>, origin: bool, payload: &[u8]) -> Vec<u8> {
    let first = authentication.map_or_else(Vec::new, |[identifier, value]| {
        let rest = 9 + usize::from(identifier) + usize::from(value);
        join(&[&[0, 1, identifier, value], &std::vec![7; rest]])
    });
    let second: &[u8] = if origin {
        &[0, 0, 7, 7, 7, 7, 7, 7]
    } else {
        &[]
    };
    join(&[&first, second, payload])
}

/// A Geneve header with so many words of options.
pub(crate) fn geneve(vni: u32, kind: u16, words: u8, payload: &[u8]) -> Vec<u8> {
    let options = std::vec![0; usize::from(words) * 4];
    let vni = (vni << 8).to_be_bytes();
    join(&[&[words, 0], &kind.to_be_bytes(), &vni, &options, payload])
}

/// A GRE header.
pub(crate) fn gre(key: Option<u32>, kind: u16, payload: &[u8]) -> Vec<u8> {
    let kind = kind.to_be_bytes();
    match key {
        Some(key) => join(&[&[0x20, 0], &kind, &key.to_be_bytes(), payload]),
        None => join(&[&[0, 0], &kind, payload]),
    }
}

/// An enhanced GRE header of call or tunnel `id`, with the sequence and acknowledgment numbers that `flags` say.
pub(crate) fn pptp(flags: u16, id: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let fields = ((flags >> 12 & 1) + (flags >> 7 & 1)) * 4;
    let key = [flags, 0x880b, length, id].map(u16::to_be_bytes).concat();
    join(&[&key, &std::vec![0; fields.into()], payload])
}

/// A header of `MikroTik`'s Ethernet over IP.
pub(crate) fn eoip(id: u16, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    join(&[&[0x20, 1, 0x64, 0], &length, &id.to_le_bytes(), payload])
}

/// A GRE header with a sequence number, and an ERSPAN header of type II or III.
pub(crate) fn erspan(version: u16, session: u16, payload: &[u8]) -> Vec<u8> {
    let (kind, rest) = if version == 1 {
        (0x88be_u16, 4)
    } else {
        (0x22eb, 8)
    };
    let first = [version << 12, session].map(u16::to_be_bytes).concat();
    let kind = kind.to_be_bytes();
    join(&[
        &[0x10, 0],
        &kind,
        &[0; 4],
        &first,
        &std::vec![0; rest],
        payload,
    ])
}

/// A G-PDU's GTP-U header.
pub(crate) fn gtpu(teid: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    join(&[&[0x30, 255], &length, &teid.to_be_bytes(), payload])
}

/// An IPv4 packet in an Ethernet frame.
pub(crate) fn ethernet_v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(ethertype::IPV4, &ipv4(protocol, payload))
}

/// An IPv6 packet in an Ethernet frame.
pub(crate) fn ethernet_v6(next: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(ethertype::IPV6, &ipv6(next, payload))
}

/// Facts of a whole Ethernet frame.
pub(crate) fn whole(bytes: &[u8]) -> Frame {
    Frame {
        length: bytes.len() as u32,
        link: link::ETHERNET,
        ..Frame::default()
    }
}

/// The octets with some of them overwritten from `at` on.
pub(crate) fn with(mut bytes: Vec<u8>, at: usize, octets: &[u8]) -> Vec<u8> {
    bytes[at..at + octets.len()].copy_from_slice(octets);
    bytes
}
