//! Which flow a packet belongs to, and which way it goes there.
//!
//! An ICMP message has no ports. A query and its answer are one flow, told from others by the identifier, so that two
//! pings are two flows: the lower "port" is the query's type, the higher one the identifier. Every other message is
//! a flow of its type and code: the lower "port" is 256 + type, the higher one the code.

use crate::{
    abi::key::{KeyTail, KeyV4, KeyV6},
    wire::{icmp::Icmp, packet::Packet, protocol},
};

/// Sent from the lower endpoint to the higher one.
pub const LOW_TO_HIGH: u8 = 0;
/// Sent from the higher endpoint to the lower one.
pub const HIGH_TO_LOW: u8 = 1;

const NOT_A_QUERY: u16 = 256;

/// The type of the query that a message is or answers, if it is one of a pair (IANA ICMP and ICMPv6 parameters).
#[inline(always)]
const fn query(number: u8, kind: u8) -> Option<u8> {
    match (number, kind) {
        (protocol::ICMP, 0 | 8) => Some(8),
        (protocol::ICMP, 13 | 14) => Some(13),
        (protocol::ICMP, 15 | 16) => Some(15),
        (protocol::ICMP, 17 | 18) => Some(17),
        (protocol::ICMPV6, 128 | 129) => Some(128),
        _ => None,
    }
}

/// What stands in for ports in an ICMP flow.
#[inline(always)]
#[must_use]
pub const fn icmp_ports(number: u8, message: &Icmp) -> [u16; 2] {
    match query(number, message.kind) {
        Some(kind) => [kind as u16, message.identifier],
        None => [NOT_A_QUERY + message.kind as u16, message.code as u16],
    }
}

/// The identifier of an ICMP flow of queries and answers, from the ports of its key.
#[must_use]
pub const fn icmp_identifier(ports: [u16; 2]) -> Option<u16> {
    if ports[0] < NOT_A_QUERY {
        Some(ports[1])
    } else {
        None
    }
}

/// Whether a protocol's ports belong to its endpoints (and so trade places with them).
#[inline(always)]
const fn has_ports(number: u8) -> bool {
    !matches!(number, protocol::ICMP | protocol::ICMPV6)
}

/// The part of the key without addresses, given whether the packet goes from the higher endpoint to the lower.
#[inline(always)]
fn tail(packet: &Packet, ifindex: u32, direction: u8) -> KeyTail {
    let [source, destination] = packet.ports;
    KeyTail {
        ifindex,
        protocol_vlan: KeyTail::pack(packet.protocol, packet.vlans.ids[0], packet.vlans.ids[1]),
        encapsulation: packet.vlans.deeper,
        ports: if direction == HIGH_TO_LOW && has_ports(packet.protocol) {
            [destination, source]
        } else {
            [source, destination]
        },
    }
}

/// Key and direction of an IPv4 packet.
#[inline(always)]
#[must_use]
pub fn v4(packet: &Packet, addresses: [u32; 2], ifindex: u32) -> (KeyV4, u8) {
    let [source, destination] = addresses;
    let backwards = source > destination
        || (source == destination
            && has_ports(packet.protocol)
            && packet.ports[0] > packet.ports[1]);
    let direction = u8::from(backwards);
    let key = KeyV4 {
        tail: tail(packet, ifindex, direction),
        addresses: if backwards {
            [destination, source]
        } else {
            addresses
        },
    };
    (key, direction)
}

/// Key and direction of an IPv6 packet.
#[inline(always)]
#[must_use]
pub fn v6(packet: &Packet, addresses: [[u64; 2]; 2], ifindex: u32) -> (KeyV6, u8) {
    let [source, destination] = addresses;
    let backwards = if source[0] != destination[0] {
        source[0] > destination[0]
    } else if source[1] != destination[1] {
        source[1] > destination[1]
    } else {
        has_ports(packet.protocol) && packet.ports[0] > packet.ports[1]
    };
    let direction = u8::from(backwards);
    let key = KeyV6 {
        tail: tail(packet, ifindex, direction),
        addresses: if backwards {
            [destination, source]
        } else {
            addresses
        },
    };
    (key, direction)
}
