//! Answers: packets whose receiver has asked for them, and so started the flow.

use crate::wire::{bytes::Bytes, dns, packet::Packet, protocol, pseudo_ports, tcp::flag, udp};

/// The fields of a packet that show if it is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// IANA protocol number.
    pub protocol: u8,
    /// As [`Packet::tcp_flags`].
    pub tcp_flags: u8,
    /// ICMP or ICMPv6 type; 0 for other protocols.
    pub icmp_type: u8,
    /// The sender's port.
    pub port: u16,
    /// Offset of the transport header in the frame.
    pub transport_at: u32,
}

impl Sent {
    /// Takes these fields from a packet.
    #[must_use]
    pub const fn new(packet: &Packet) -> Self {
        Self {
            protocol: packet.protocol,
            tcp_flags: packet.tcp_flags,
            icmp_type: packet.sample.icmp_type,
            port: packet.ports[0],
            transport_at: packet.transport_at,
        }
    }

    /// True for an answer: a SYN-ACK, an INIT ACK of SCTP, a Response of DCCP, an ICMP reply, a response of DNS.
    #[inline(always)]
    pub fn is_answer<B: Bytes>(&self, bytes: B) -> bool {
        match self.protocol {
            number if protocol::has_connections(number) => {
                const ANSWER: u8 = flag::SYN | flag::ACK;
                self.tcp_flags & ANSWER == ANSWER
            }
            protocol::ICMP | protocol::ICMPV6 => {
                pseudo_ports::is_reply(self.protocol, self.icmp_type)
            }
            protocol::UDP => {
                let message = self.transport_at as usize + udp::LENGTH;
                self.port == dns::PORT && dns::is_response(bytes, message)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::{
        packet::walk,
        testing::{ethernet_v4, ethernet_v6, icmp, options, tcp, udp, whole},
    };

    fn is_answer(frame: &Vec<u8>) -> bool {
        let Ok(packet) = walk(&frame[..], &whole(frame)) else {
            panic!("no packet: {frame:02x?}");
        };
        Sent::new(&packet).is_answer(&frame[..])
    }

    #[test]
    fn syn_ack_answers_a_syn() {
        for (flags, expected) in [
            (flag::SYN, false),
            (flag::SYN | flag::ACK, true),
            (flag::ACK, false),
            (flag::RST | flag::ACK, false),
        ] {
            let segment = tcp([80, 40_000], flags, &[]);
            assert_eq!(is_answer(&ethernet_v4(6, &segment)), expected, "{flags}");
            assert_eq!(is_answer(&ethernet_v6(6, &segment)), expected, "{flags}");
        }
    }

    #[test]
    fn init_chunk_expects_an_answer() {
        for kind in 0..=u8::MAX {
            let mut packet = [0; 16];
            packet[12] = kind;
            assert_eq!(is_answer(&ethernet_v4(132, &packet)), kind == 2, "{kind}");
        }
        for kind in 0..16 {
            let mut packet = [0; 16];
            packet[4] = 4;
            packet[8] = kind << 1 | 1;
            assert_eq!(is_answer(&ethernet_v6(33, &packet)), kind == 1, "{kind}");
        }
    }

    #[test]
    fn each_reply_of_icmp_answers_its_request() {
        for kind in 0..=u8::MAX {
            let message = icmp(kind, 0, 7);
            let expected = matches!(kind, 0 | 14 | 16 | 18 | 43);
            assert_eq!(is_answer(&ethernet_v4(1, &message)), expected, "{kind}");
            let expected = matches!(kind, 129 | 145 | 147 | 161);
            assert_eq!(is_answer(&ethernet_v6(58, &message)), expected, "{kind}");
        }
    }

    #[test]
    fn dns_response_comes_from_the_servers_port() {
        let message = |ports, flags| udp(ports, &[0, 1, flags, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
        for (ports, flags, expected) in [
            ([53, 40_000], 0x81, true),
            ([53, 53], 0x81, true),
            ([53, 40_000], 0x01, false),
            ([40_000, 53], 0x81, false),
            ([54, 40_000], 0x81, false),
        ] {
            let datagram = message(ports, flags);
            let behind = options(17, 1, &datagram);
            for frame in [
                ethernet_v4(17, &datagram),
                ethernet_v6(17, &datagram),
                ethernet_v6(60, &behind),
            ] {
                assert_eq!(is_answer(&frame), expected, "{ports:?} {flags}");
            }
        }
        assert!(!is_answer(&ethernet_v4(
            17,
            &udp([53, 40_000], &[0, 1, 0x81])
        )));
    }
}
