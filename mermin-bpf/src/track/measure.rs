//! How many packets and octets one socket buffer stands for on the wire.

use crate::wire::packet::Packet;

/// What a packet adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Packets on the wire.
    pub packets: u64,
    /// IP octets on the wire.
    pub octets: u64,
    /// Frame octets on the wire: link header and padding included.
    pub frame_octets: u64,
}

impl Measure {
    /// Frame octets beyond the IP packet and a link header of `link_length` octets, two's complement: padding, as a rule.
    #[inline(always)]
    #[must_use]
    pub const fn extra(&self, link_length: u8) -> u64 {
        let expected = self.octets + self.packets * link_length as u64;
        self.frame_octets.wrapping_sub(expected)
    }
}

/// Segments of a super-packet: as the kernel counted them, else from its payload and the size of one.
#[inline(always)]
#[must_use]
pub const fn segments(gso_segments: u32, gso_size: u32, payload: u32) -> u32 {
    if gso_size == 0 {
        1
    } else if gso_segments != 0 {
        gso_segments
    } else if payload <= gso_size {
        1
    } else {
        payload.div_ceil(gso_size)
    }
}

/// Measures a packet of which the stack holds `frame_length` octets in one buffer.
#[inline(always)]
#[must_use]
pub fn measure(packet: &Packet, frame_length: u32, gso_segments: u32, gso_size: u32) -> Measure {
    if gso_size == 0 {
        return Measure {
            packets: 1,
            octets: u64::from(packet.ip_length),
            frame_octets: u64::from(frame_length),
        };
    }
    let headers = packet.header_length - packet.unsent_length;
    let payload = packet.ip_length.saturating_sub(packet.header_length);
    let packets = u64::from(segments(gso_segments, gso_size, payload));
    let repeats = packets - 1;
    let octets = u64::from(packet.ip_length - packet.unsent_length) + repeats * u64::from(headers);
    let frame_octets = u64::from(frame_length - packet.unsent_length)
        + repeats * u64::from(headers + packet.link_length);
    Measure {
        packets,
        octets,
        frame_octets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        abi::slot::Sample,
        wire::{packet::Addresses, protocol, vlan::Vlans},
    };

    fn tcp(ip_length: u32) -> Packet {
        Packet {
            addresses: Addresses::v4([1, 2]),
            ports: [1, 2],
            protocol: protocol::TCP,
            kind: protocol::Kind::Tcp,
            tcp_flags: 0,
            sample: Sample::default(),
            vlans: Vlans::default(),
            encapsulation: 0,
            mac_at: 6,
            link_length: 14,
            ip_length,
            header_length: 52,
            unsent_length: 0,
        }
    }

    #[test]
    fn padding_belongs_to_the_frame_alone() {
        let one = measure(&tcp(52), 66 + 4, 0, 0);
        assert_eq!((one.packets, one.octets, one.frame_octets), (1, 52, 70));
        assert_eq!(one.extra(14), 4);
        assert_eq!(one.extra(18), 0, "the first had a longer link header");
        assert_eq!(one.extra(22), 4_u64.wrapping_neg());
    }

    #[test]
    fn a_super_packet_repeats_its_headers() {
        // Three segments of 1,448 octets: what a capture on the far side sees.
        let packet = tcp(52 + 3 * 1448);
        let expected = Measure {
            packets: 3,
            octets: 3 * 1500,
            frame_octets: 3 * 1514,
        };
        assert_eq!(measure(&packet, 14 + packet.ip_length, 3, 1448), expected);
        assert_eq!(measure(&packet, 14 + packet.ip_length, 0, 1448), expected);
    }

    #[test]
    fn segments_follow_from_the_length_where_the_kernel_left_them_out() {
        assert_eq!(segments(0, 0, 9000), 1);
        assert_eq!(segments(0, 1000, 2001), 3);
        assert_eq!(segments(0, 1000, 1000), 1);
        assert_eq!(segments(0, 1000, 0), 1);
        assert_eq!(segments(7, 1000, 1), 7);
    }

    #[test]
    fn the_jumbo_option_of_big_tcp_never_reaches_the_wire() {
        let mut packet = tcp(80 + 2 * 1000);
        packet.header_length = 80;
        packet.unsent_length = 8;
        let measured = measure(&packet, 14 + packet.ip_length, 2, 1000);
        assert_eq!(measured.octets, 2 * (72 + 1000));
        assert_eq!(measured.frame_octets, 2 * (14 + 72 + 1000));
    }
}
