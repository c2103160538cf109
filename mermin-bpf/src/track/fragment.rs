//! Fragments: which flow a later one belongs to, and what it adds there.
//!
//! The first fragment of a packet has the ports, so it leaves word; later ones look it up. Octets are those of the fragment:
//! its own IP packet where the flow's packets were cut, its payload where what carries them was. Either way the
//! fragments' octets add up to what the flow sent.

use crate::{
    abi::{
        fragment::{FragmentKey, Owner},
        key::{KeyTail, KeyWords},
    },
    track::measure::Measure,
    wire::{
        ip::Ip,
        level::Level,
        packet::{Packet, Version},
        protocol,
    },
};

/// A receiver waits this long for the rest of a packet, ns (Linux; RFC 8200 allows 60 s). Later the number may be another
/// packet's.
pub const LIFETIME: u64 = 30_000_000_000;

/// What a fragment has in common with the others of its packet.
#[inline(always)]
#[must_use]
pub fn key(ip: &Ip, level: &Level, ifindex: u32) -> FragmentKey {
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
    }
}

/// The word that a first fragment leaves: its flow, and which way it goes there.
#[inline(always)]
#[must_use]
pub fn owner(packet: &Packet, key: &KeyWords, direction: u8, now: u64) -> Owner {
    Owner {
        key: *key,
        seen_at: now,
        sample: packet.sample.pack(),
        direction,
        ipv6: packet.addresses.is_v6().into(),
        carries: 0,
        reserved: 0,
    }
}

/// Whether word that was left still holds at `now`.
#[inline(always)]
#[must_use]
pub const fn is_fresh(owner: &Owner, now: u64) -> bool {
    now.saturating_sub(owner.seen_at) <= LIFETIME
}

/// What a later fragment adds to its flow.
#[inline(always)]
#[must_use]
pub fn measure(ip: &Ip, owner: &Owner, frame_length: u32) -> Measure {
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
