//! The walk through a frame's headers: what it gives is within the frame, and no part of the frame changes what was read
//! before it.

use mermin_bpf::{
    abi::ledger::{Reason, link},
    track::{key, measure::measure},
    wire::{
        bytes::HEADER_LIMIT,
        encap_level::EncapLevel,
        packet::{Frame, Packet, Version, walk},
        plain,
        tunnel::{self, Keyed, Ports},
        walk_start::WalkStart,
    },
};

use crate::bits::Bits;

/// Octets: how the frame came, then the frame.
///
/// # Panics
/// When a promise is broken.
pub fn run(octets: &[u8]) {
    let mut bits = Bits(octets);
    let (how, more, vlan) = (bits.octet(), bits.word(), bits.word());
    let cut = usize::from(bits.word());
    let bytes = bits.rest();
    let frame = Frame {
        // As captured in part when the lowest bits say so.
        length: length(bytes) + if how & 3 == 3 { u32::from(more) } else { 0 },
        link: if how & 4 == 0 {
            link::ETHERNET
        } else {
            link::IP
        },
        stripped_vlan: (how & 8 != 0).then_some(vlan),
        segmented: how & 16 != 0,
    };
    let found = walk(bytes, &frame);
    if let Some(known) = plain::walk(bytes, &frame, |packet| *packet).transpose() {
        assert_eq!(found, known, "the quick walk differs");
    }
    if let Ok(packet) = &found {
        within(packet, &frame);
    }
    descend(bytes, &frame);
    let near = bytes.get(..HEADER_LIMIT).unwrap_or(bytes);
    assert_eq!(found, walk(near, &frame), "what is far away changes it");
    let part = bytes.get(..cut % (bytes.len() + 1)).unwrap_or(bytes);
    shorter(&found, &walk(part, &frame));
}

/// Takes tunnels off one by one: each packet is within the one around it, and there are few.
fn descend(bytes: &[u8], frame: &Frame) {
    let mut around = 0..u64::from(frame.length);
    let Ok(mut level) = EncapLevel::outermost(bytes, frame, &WalkStart::outermost(frame)) else {
        return;
    };
    while let Ok(ip) = level.ip(bytes, frame) {
        assert!(level.depth <= tunnel::DEPTH, "{level:?}");
        let here = ip.at as u64..ip.at as u64 + u64::from(ip.length);
        assert!(
            around.start <= here.start && here.end <= around.end,
            "{ip:?} reaches beyond {around:?}"
        );
        if ip.later_fragment {
            return;
        }
        match tunnel::descend(bytes, frame, &level, &ip, &Ports::default(), Keyed::Way) {
            Ok(Some((inner, _))) => level = inner,
            Ok(None) => {
                if let Ok(packet) = level.packet(bytes, frame, &ip) {
                    within(&packet, frame);
                }
                return;
            }
            Err(_) => return,
        }
        around = here;
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A packet's parts lie within its frame, and are measured without overflow.
fn within(packet: &Packet, frame: &Frame) {
    assert!(packet.ip_length >= 20, "{packet:?}");
    assert!(
        u64::from(packet.link_length) + u64::from(packet.ip_length) <= u64::from(frame.length),
        "{packet:?} reaches beyond {frame:?}"
    );
    assert!(packet.header_length <= packet.ip_length, "{packet:?}");
    assert!(packet.unsent_length <= packet.header_length, "{packet:?}");
    let alone = measure(packet, frame.length, 0, 0);
    assert_eq!(alone.packets, 1);
    assert!(alone.frame_octets >= alone.octets);
    let segments = measure(packet, frame.length, 3, 500);
    assert!(segments.packets == 3 && segments.octets <= segments.frame_octets);
    // Turned round, a packet has the same key and the other direction.
    let mut back = *packet;
    let [one, other] = packet.addresses.words();
    if one != other {
        back.addresses = packet.addresses.reversed();
        // Of ICMP, ESP and AH the "ports" are of the message, and not of its ends.
        if !matches!(packet.protocol, 1 | 50 | 51 | 58) {
            back.ports.reverse();
        }
        match packet.addresses.version {
            Version::V4 => {
                let (there, direction) = key::v4(packet, 1);
                assert_eq!(key::v4(&back, 1), (there, 1 - direction));
            }
            Version::V6 => {
                let (there, direction) = key::v6(packet, 1);
                assert_eq!(key::v6(&back, 1), (there, 1 - direction));
            }
        }
    }
}

/// A frame of which less is at hand gives the same packet or none.
fn shorter(whole: &Result<Packet, Reason>, part: &Result<Packet, Reason>) {
    if let Ok(packet) = part {
        assert_eq!(
            whole.as_ref(),
            Ok(packet),
            "octets behind the headers count"
        );
    }
}
