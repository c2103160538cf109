//! Which flow a packet belongs to, and which way it goes there.
//!
//! Protocols without ports have [substitutes](crate::wire::pseudo_ports).

use crate::{
    abi::key::{KeyTail, KeyV4, KeyV6},
    wire::packet::Packet,
};

/// Sent from the lower endpoint to the higher one.
pub const LOW_TO_HIGH: u8 = 0;
/// Sent from the higher endpoint to the lower one.
pub const HIGH_TO_LOW: u8 = 1;

/// The port that a packet of this direction was sent from, given those of its key.
#[inline(always)]
#[must_use]
pub const fn sender_port(ports: [u16; 2], direction: u8) -> u16 {
    let [low, high] = ports;
    if direction == HIGH_TO_LOW { high } else { low }
}

/// The part of the key without addresses, given whether the packet goes from the higher endpoint to the lower.
#[inline(always)]
fn tail(packet: &Packet, ifindex: u32, direction: u8) -> KeyTail {
    let [source, destination] = packet.ports;
    KeyTail {
        ifindex,
        protocol_vlan: KeyTail::pack(packet.protocol, packet.vlans.ids[0], packet.vlans.ids[1]),
        encapsulation: packet.encapsulation,
        ports: if direction == HIGH_TO_LOW && packet.kind.has_ports() {
            [destination, source]
        } else {
            [source, destination]
        },
    }
}

/// Key and direction of an IPv4 packet.
#[inline(always)]
#[must_use]
pub fn v4(packet: &Packet, ifindex: u32) -> (KeyV4, u8) {
    let [source, destination] = packet.addresses.first();
    let backwards = source > destination
        || (source == destination && packet.kind.has_ports() && packet.ports[0] > packet.ports[1]);
    let direction = u8::from(backwards);
    let key = KeyV4 {
        tail: tail(packet, ifindex, direction),
        addresses: if backwards {
            [destination, source]
        } else {
            [source, destination]
        },
    };
    (key, direction)
}

/// Key and direction of an IPv6 packet.
#[inline(always)]
#[must_use]
pub fn v6(packet: &Packet, ifindex: u32) -> (KeyV6, u8) {
    let [source, destination] = packet.addresses.words();
    let backwards = if source[0] != destination[0] {
        source[0] > destination[0]
    } else if source[1] != destination[1] {
        source[1] > destination[1]
    } else {
        packet.kind.has_ports() && packet.ports[0] > packet.ports[1]
    };
    let direction = u8::from(backwards);
    let key = KeyV6 {
        tail: tail(packet, ifindex, direction),
        addresses: if backwards {
            [destination, source]
        } else {
            [source, destination]
        },
    };
    (key, direction)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::{
        ethertype,
        packet::{Addresses, Version, walk},
        protocol,
        pseudo_ports::{icmp_identifier, spi},
        testing::{
            HIGH_V4, LOW_V4, ethernet, ethernet_v4, ethernet_v6, icmp, ipv4, tag, tcp, udp, whole,
            with,
        },
    };

    const IFINDEX: u32 = 7;
    /// Where the addresses stand in a frame of IPv4 behind Ethernet.
    const ADDRESSES_V4: usize = 14 + 12;
    /// The same for IPv6.
    const ADDRESSES_V6: usize = 14 + 8;

    /// A key of either version, and the direction.
    #[derive(Debug, PartialEq)]
    enum Keyed {
        V4(KeyV4, u8),
        V6(KeyV6, u8),
    }

    impl Keyed {
        fn direction(&self) -> u8 {
            match self {
                Self::V4(_, direction) | Self::V6(_, direction) => *direction,
            }
        }

        fn tail(&self) -> KeyTail {
            match self {
                Self::V4(key, _) => key.tail,
                Self::V6(key, _) => key.tail,
            }
        }

        fn same_flow(&self, other: &Self) -> bool {
            match (self, other) {
                (Self::V4(one, _), Self::V4(two, _)) => one == two,
                (Self::V6(one, _), Self::V6(two, _)) => one == two,
                _ => false,
            }
        }
    }

    fn keyed(bytes: &[u8]) -> Keyed {
        let Ok(packet) = walk(bytes, &whole(bytes)) else {
            panic!("no packet: {bytes:02x?}");
        };
        key_of(&packet)
    }

    fn key_of(packet: &Packet) -> Keyed {
        match packet.addresses.version {
            Version::V4 => {
                let (key, direction) = v4(packet, IFINDEX);
                Keyed::V4(key, direction)
            }
            Version::V6 => {
                let (key, direction) = v6(packet, IFINDEX);
                Keyed::V6(key, direction)
            }
        }
    }

    /// The same frame with its two addresses exchanged.
    fn back(frame: Vec<u8>, at: usize, length: usize) -> Vec<u8> {
        let addresses = frame[at..at + 2 * length].to_vec();
        let (source, destination) = addresses.split_at(length);
        let frame = with(frame, at, destination);
        with(frame, at + length, source)
    }

    fn back_v4(frame: Vec<u8>) -> Vec<u8> {
        back(frame, ADDRESSES_V4, 4)
    }

    fn back_v6(frame: Vec<u8>) -> Vec<u8> {
        back(frame, ADDRESSES_V6, 16)
    }

    fn one_flow_both_ways(there: &Keyed, back: &Keyed) {
        assert!(there.same_flow(back), "{there:?} and {back:?}");
        assert_eq!((there.direction(), back.direction()), (0, 1));
    }

    #[test]
    fn both_directions_have_one_key() {
        let there = keyed(&ethernet_v4(protocol::TCP, &tcp([51_000, 443], 2, &[])));
        let answer = ethernet_v4(protocol::TCP, &tcp([443, 51_000], 18, &[]));
        let back = keyed(&back_v4(answer));
        one_flow_both_ways(&there, &back);
        assert_eq!(there.tail().ports, [51_000, 443]);
        let senders = [there, back].map(|it| sender_port(it.tail().ports, it.direction()));
        assert_eq!(senders, [51_000, 443]);

        let there = keyed(&ethernet_v6(protocol::UDP, &udp([51_000, 53], &[])));
        let answer = ethernet_v6(protocol::UDP, &udp([53, 51_000], &[]));
        one_flow_both_ways(&there, &keyed(&back_v6(answer)));
        assert_eq!(there.tail().ports, [51_000, 53]);
    }

    #[test]
    fn key_has_all_that_distinguishes_flows() {
        let segment = ipv4(protocol::TCP, &tcp([51_000, 443], 2, &[]));
        let tagged = ethernet(
            ethertype::SERVICE_VLAN,
            &tag(10, ethertype::VLAN, &tag(20, ethertype::IPV4, &segment)),
        );
        let expected = KeyV4 {
            tail: KeyTail {
                ifindex: IFINDEX,
                protocol_vlan: KeyTail::pack(protocol::TCP, 10, 20),
                encapsulation: 0,
                ports: [51_000, 443],
            },
            addresses: [LOW_V4, HIGH_V4].map(u32::from_ne_bytes),
        };
        assert_eq!(keyed(&tagged), Keyed::V4(expected, LOW_TO_HIGH));
    }

    #[test]
    fn between_equal_addresses_the_ports_decide() {
        let loopback = |ports| {
            let frame = ethernet_v4(protocol::TCP, &tcp(ports, 16, &[]));
            keyed(&with(frame, ADDRESSES_V4, &[127, 0, 0, 1, 127, 0, 0, 1]))
        };
        one_flow_both_ways(&loopback([80, 40_000]), &loopback([40_000, 80]));
        assert_eq!(loopback([80, 80]), loopback([80, 80]), "with itself");

        let loopback = |ports| {
            let frame = ethernet_v6(protocol::UDP, &udp(ports, &[]));
            keyed(&with(frame, ADDRESSES_V6 + 15, &[2]))
        };
        one_flow_both_ways(&loopback([80, 40_000]), &loopback([40_000, 80]));
    }

    #[test]
    fn ipv6_addresses_may_differ_in_either_half() {
        let frame = ethernet_v6(protocol::UDP, &udp([1, 2], &[]));
        let upper = with(frame, ADDRESSES_V6 + 7, &[9]);
        let answer = with(
            ethernet_v6(protocol::UDP, &udp([2, 1], &[])),
            ADDRESSES_V6 + 7,
            &[9],
        );
        let (one, other) = (keyed(&upper), keyed(&back_v6(answer)));
        assert!(one.same_flow(&other), "{one:?} and {other:?}");
        assert_ne!(one.direction(), other.direction());
    }

    #[test]
    fn ping_and_its_answer_are_one_flow() {
        for (request, reply) in [(8, 0), (13, 14), (15, 16), (17, 18), (42, 43)] {
            let there = ethernet_v4(protocol::ICMP, &icmp(request, 0, 0x1234));
            let answer = back_v4(ethernet_v4(protocol::ICMP, &icmp(reply, 0, 0x1234)));
            one_flow_both_ways(&keyed(&there), &keyed(&answer));
            let ports = keyed(&there).tail().ports;
            assert_eq!(ports, [u16::from(request), 0x1234]);
            assert_eq!(icmp_identifier(ports), Some(0x1234));
        }
        for request in [128, 144, 146, 160] {
            let there = ethernet_v6(protocol::ICMPV6, &icmp(request, 0, 0x1234));
            // An answer's code is its own.
            let answer = back_v6(ethernet_v6(protocol::ICMPV6, &icmp(request + 1, 2, 0x1234)));
            one_flow_both_ways(&keyed(&there), &keyed(&answer));
        }
    }

    #[test]
    fn two_pings_are_two_flows() {
        let ping = |identifier| keyed(&ethernet_v4(protocol::ICMP, &icmp(8, 0, identifier)));
        assert!(!ping(1).same_flow(&ping(2)));
    }

    #[test]
    fn icmp_error_is_a_flow_of_its_type_and_code() {
        let error = |kind, code, identifier| {
            keyed(&ethernet_v4(protocol::ICMP, &icmp(kind, code, identifier)))
        };
        // The octets of the identifier mean something else here.
        assert_eq!(error(3, 4, 1500), error(3, 4, 1400));
        assert!(!error(3, 4, 0).same_flow(&error(3, 1, 0)));
        assert!(!error(3, 0, 0).same_flow(&error(11, 0, 0)));
        let ports = error(3, 4, 1500).tail().ports;
        assert_eq!(ports, [256 + 3, 4]);
        assert_eq!(icmp_identifier(ports), None);
    }

    #[test]
    fn each_direction_of_an_association_is_a_flow() {
        let esp = |spi: u32| ethernet_v4(protocol::ESP, &[spi.to_be_bytes(), [0; 4]].concat());
        let (there, back) = (keyed(&esp(0xc000_1001)), keyed(&back_v4(esp(0xc000_1002))));
        assert!(!there.same_flow(&back));
        assert_eq!(spi(there.tail().ports), 0xc000_1001);
        // Between the same addresses turned round, an index is no pair of ports.
        assert!(there.same_flow(&keyed(&back_v4(esp(0xc000_1001)))));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn reversing_a_packet_changes_only_its_direction(
            addresses in any::<[u32; 2]>(),
            halves in prop::array::uniform4(prop_oneof![Just(1_u64), any::<u64>()]),
            ports in any::<[u16; 2]>(),
        ) {
            prop_assume!(ports[0] != ports[1]);
            let bytes = ethernet_v4(protocol::UDP, &udp(ports, &[]));
            let Ok(packet) = walk(&bytes[..], &whole(&bytes)) else {
                return Err(TestCaseError::fail("no packet"));
            };
            let between = |addresses| Packet { addresses, ..packet };
            let turned = |addresses| Packet { ports: [ports[1], ports[0]], ..between(addresses) };

            let [source, destination] = addresses;
            let (there, direction) = v4(&between(Addresses::v4([source, destination])), IFINDEX);
            let (back, opposite) = v4(&turned(Addresses::v4([destination, source])), IFINDEX);
            prop_assert_eq!((there, direction ^ 1), (back, opposite));
            prop_assert!(there.addresses[0] <= there.addresses[1]);

            let [source, destination] = [[halves[0], halves[1]], [halves[2], halves[3]]];
            let (there, direction) = v6(&between(Addresses::v6([source, destination])), IFINDEX);
            let (back, opposite) = v6(&turned(Addresses::v6([destination, source])), IFINDEX);
            prop_assert_eq!((there, direction ^ 1), (back, opposite));
            prop_assert!(there.addresses[0] <= there.addresses[1]);
        }
    }
}
