//! Fragments: which flow a later one belongs to, and what it adds there.
//!
//! The first fragment of a packet has the ports, so it stores an entry that later ones look up. If a packet of the flow was
//! fragmented, each fragment adds its own IP octets. If a carrier was, a later fragment adds only its payload. Either way
//! the fragments' octets add up to what the flow sent.
//!
//! Some senders emit the last fragment first (Linux did for years), and networks reorder. So a fragment that finds no entry
//! is remembered by its sums, and the first fragment takes those along when it comes.

use crate::{
    abi::{
        fragment::{Early, FragmentFlow, FragmentKey},
        key::{KeyTail, KeyWords},
    },
    track::measure::Measure,
    wire::{
        encap_level::EncapLevel,
        ip::Ip,
        packet::{Packet, Version},
        protocol,
    },
};

/// A receiver waits this long for the rest of a packet, ns: of IPv4 as Linux does (`ip_frag.c`; RFC 1122 allows 60 to 120 s), of
/// IPv6 as RFC 8200 section 4.5 says. After that, another packet may have the same identification.
#[inline(always)]
#[must_use]
pub const fn lifetime(ipv6: bool) -> u64 {
    if ipv6 { 60_000_000_000 } else { 30_000_000_000 }
}

/// The key that a fragment shares with the others of its packet.
#[inline(always)]
#[must_use]
pub fn key(ip: &Ip, level: &EncapLevel, ifindex: u32) -> FragmentKey {
    let number = match ip.addresses.version {
        Version::V4 => ip.protocol,
        Version::V6 => protocol::FRAGMENT,
    };
    FragmentKey {
        addresses: ip.addresses.words(),
        ifindex,
        identification: ip.identification,
        protocol_vlan: KeyTail::pack(number, level.vlans.ids[0], level.vlans.ids[1]),
        encapsulation: level.encapsulation(),
        ipv6: ip.addresses.is_v6().into(),
        reserved: 0,
    }
}

/// The entry of a first fragment: its flow, and the packet's direction in it.
#[inline(always)]
#[must_use]
pub fn flow_of(packet: &Packet, key: &KeyWords, direction: u8, now: u64) -> FragmentFlow {
    FragmentFlow {
        key: *key,
        seen_at: now,
        sample: packet.sample.pack(),
        direction,
        ipv6: packet.addresses.is_v6().into(),
        carries: 0,
        reserved: 0,
    }
}

/// True if an entry that was made at `seen_at` still holds at `now`: it is no older than the lifetime of its IP
/// version.
#[inline(always)]
#[must_use]
pub const fn is_fresh(seen_at: u64, ipv6: bool, now: u64) -> bool {
    now.saturating_sub(seen_at) <= lifetime(ipv6)
}

/// Measure that fragments which came early add to the flow of their first one. With `carries`, they are fragments of a
/// carrier of that flow's packet.
#[inline(always)]
#[must_use]
pub const fn early(early: &Early, carries: bool) -> Measure {
    Measure {
        packets: early.packets,
        octets: if carries { early.payload } else { early.octets },
        frame_octets: early.frame_octets,
    }
}

/// Measure that a later fragment adds to its flow.
#[inline(always)]
#[must_use]
pub fn measure(ip: &Ip, owner: &FragmentFlow, frame_length: u32) -> Measure {
    let octets = if owner.carries == 0 {
        ip.length
    } else {
        ip.payload_length()
    };
    Measure {
        packets: 1,
        octets: octets.into(),
        frame_octets: frame_length.into(),
    }
}
