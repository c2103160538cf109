//! Computes the packets and octets on the wire for which one socket buffer stands.

use crate::wire::{packet::Packet, udp};

/// Counts that a packet adds.
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
    /// The sum of both.
    #[inline(always)]
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            octets: self.octets + other.octets,
            frame_octets: self.frame_octets + other.frame_octets,
        }
    }

    /// Returns the frame octets beyond IP and a link header per packet: usually padding. A negative number is in two's complement.
    #[inline(always)]
    #[must_use]
    pub const fn extra(&self, link_length: u8) -> u64 {
        let expected = self.octets + self.packets * link_length as u64;
        self.frame_octets.wrapping_sub(expected)
    }
}

/// Returns the number of segments of a super-packet: the kernel's number, or if that is 0, one computed from payload and `gso_size`.
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

/// Measures a packet. `frame_length` is the length of its socket buffer, octets.
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

/// The kernel's plan for the segmentation of a super-packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Number of segments, as the kernel counted them; 0 if it did not.
    pub segments: u32,
    /// Octets of payload in each segment but the last.
    pub size: u32,
    /// Octets of headers that the segments after the first add, as the kernel computes them for its queues; 0 if it does not.
    pub added: u32,
    /// True if it is a datagram of IPv4 that may be fragmented.
    pub may_fragment: bool,
}

/// Measures a super-packet whose segments repeat more bytes than the known headers (an unknown tunnel) or fewer (UDP
/// fragmentation offload, where only the first fragment has a UDP header).
///
/// Both look like a datagram of many segments. The bytes that the kernel adds for its queues distinguish them.
#[inline(always)]
#[must_use]
pub fn measure_cut(packet: &Packet, frame_length: u32, cut: &Cut) -> Measure {
    let known = measure(packet, frame_length, cut.segments, cut.size);
    let headers = packet.header_length - packet.unsent_length;
    let repeated = (known.packets - 1) * u64::from(headers + packet.link_length);
    // The octets that the kernel adds include the jumbo option of BIG TCP, which is not sent.
    let unsent = (known.packets - 1) * u64::from(packet.unsent_length);
    let added = u64::from(cut.added).saturating_sub(unsent);
    if added > repeated {
        let more = added - repeated;
        return Measure {
            octets: known.octets + more,
            frame_octets: known.frame_octets + more,
            ..known
        };
    }
    // The offset field of a fragment counts units of eight octets.
    if !cut.may_fragment || !cut.size.is_multiple_of(8) {
        return known;
    }
    let header = headers - udp::LENGTH as u32;
    let payload = packet.ip_length.saturating_sub(header);
    let fragments = u64::from(segments(cut.segments, cut.size, payload));
    let repeated = (fragments - 1) * u64::from(header + packet.link_length);
    // If the kernel did not compute the added octets, it did not count the segments of a guest's fragments either.
    let is_cut_up = if added == 0 {
        cut.segments == 0
    } else {
        added == repeated
    };
    if is_cut_up {
        Measure {
            packets: fragments,
            octets: u64::from(packet.ip_length) + (fragments - 1) * u64::from(header),
            frame_octets: u64::from(frame_length) + repeated,
        }
    } else {
        known
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
            ids: 0,
            mac_at: 6,
            transport_at: 34,
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
    fn super_packet_repeats_its_headers() {
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

    /// A datagram of `payload` octets behind 28 of headers.
    fn udp(payload: u32) -> Packet {
        Packet {
            kind: protocol::Kind::Udp,
            protocol: protocol::UDP,
            header_length: 28,
            ..tcp(28 + payload)
        }
    }

    fn cut(segments: u32, size: u32, added: u32, may_fragment: bool) -> Cut {
        Cut {
            segments,
            size,
            added,
            may_fragment,
        }
    }

    #[test]
    fn headers_that_only_the_kernel_knows_are_repeated() {
        // VXLAN at another port: 8 octets, a frame, IP and TCP with timestamps behind the datagram's header.
        let (inner, size) = (8 + 14 + 20 + 32, 1398);
        let packet = udp(inner + 3 * size);
        let length = 14 + packet.ip_length;
        let all = 42 + inner;
        let found = measure_cut(&packet, length, &cut(3, size, 2 * all, false));
        let expected = Measure {
            packets: 3,
            octets: 3 * u64::from(28 + inner + size),
            frame_octets: 3 * u64::from(all + size),
        };
        assert_eq!(found, expected);
        // A kernel that does not look inside adds less than is known.
        let known = measure(&packet, length, 3, size);
        assert_eq!(
            measure_cut(&packet, length, &cut(3, size, 2 * 34, false)),
            known
        );
        assert_eq!(measure_cut(&packet, length, &cut(3, size, 0, true)), known);
    }

    #[test]
    fn fragments_have_the_header_of_udp_once() {
        let packet = udp(5000);
        let expected = Measure {
            packets: 4,
            octets: 5008 + 4 * 20,
            frame_octets: 5008 + 4 * 34,
        };
        let length = 14 + packet.ip_length;
        for (segments, added) in [(4, 3 * 34), (0, 3 * 34), (0, 0)] {
            let found = measure_cut(&packet, length, &cut(segments, 1480, added, true));
            assert_eq!(found, expected, "{segments} {added}");
        }
        // Datagrams of their own: the kernel adds all headers, the sender forbids fragments, or the size is no multiple of
        // eight.
        for (segments, size, added, may_fragment) in [
            (5, 1000, 4 * 42, true),
            (0, 1000, 0, false),
            (0, 1001, 0, true),
            (5, 1000, 0, true),
        ] {
            let cut = cut(segments, size, added, may_fragment);
            let known = measure(&packet, length, segments, size);
            assert_eq!(measure_cut(&packet, length, &cut), known, "{cut:?}");
        }
    }

    #[test]
    fn jumbo_option_of_big_tcp_never_reaches_the_wire() {
        let mut packet = tcp(80 + 2 * 1000);
        packet.header_length = 80;
        packet.unsent_length = 8;
        let measured = measure(&packet, 14 + packet.ip_length, 2, 1000);
        assert_eq!(measured.octets, 2 * (72 + 1000));
        assert_eq!(measured.frame_octets, 2 * (14 + 72 + 1000));
    }
}
