//! The walk against another parser, of people who never saw this one.
//!
//! Both get whole Ethernet frames. **The rule of agreement**: where etherparse finds IP and a TCP or UDP header, so does the
//! walk, with the same addresses, ports, flags and protocol, unless it names one of the limits that are its own
//! (`ours`); where etherparse finds no IP, or an IP header that is wrong, the walk finds no packet either, unless
//! etherparse stopped at one of the limits that are its own (`theirs`).

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{
    LinkExtSlice, NetSlice, SlicedPacket, TransportSlice,
    err::{Layer, ipv6_exts::HeaderError, packet::SliceError},
};
use mermin_bpf::{
    abi::ledger::{Reason, link},
    wire::packet::{Addresses, Frame, Packet, Version, walk},
};

const AH: u8 = 51;

/// Octets of an Ethernet frame.
///
/// # Panics
/// When the two differ and no rule says why.
pub fn run(octets: &[u8]) {
    let frame = Frame {
        length: u32::try_from(octets.len()).unwrap_or(u32::MAX),
        link: link::ETHERNET,
        stripped_vlan: None,
        segmented: false,
    };
    let found = walk(octets, &frame);
    match SlicedPacket::from_ethernet(octets) {
        Ok(theirs) => same(&found, &theirs),
        Err(error) => {
            if let Ok(packet) = &found {
                assert!(
                    theirs(&error, packet),
                    "{packet:?}, but etherparse says {error:?}"
                );
            }
        }
    }
}

/// Compares a packet that etherparse found nothing wrong with.
fn same(found: &Result<Packet, Reason>, theirs: &SlicedPacket<'_>) {
    let Some(addresses) = theirs.net.as_ref().and_then(addresses) else {
        if let Ok(packet) = found {
            assert!(
                theirs.link_exts.is_full() || is_below(theirs),
                "{packet:?} where etherparse has no IP: {theirs:?}"
            );
        }
        return;
    };
    let packet = match found {
        Ok(packet) => packet,
        Err(reason) => {
            assert!(ours(*reason, theirs), "{reason:?}, but {theirs:?}");
            return;
        }
    };
    assert_eq!(as_v6(&packet.addresses), addresses, "addresses");
    if packet.protocol == AH {
        // Etherparse goes on behind authentication headers; here they are a protocol of their own.
        return;
    }
    let ports = packet.ports;
    match &theirs.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            assert_eq!(packet.protocol, 6);
            assert_eq!(ports, [tcp.source_port(), tcp.destination_port()]);
            let flags = [
                tcp.fin(),
                tcp.syn(),
                tcp.rst(),
                tcp.psh(),
                tcp.ack(),
                tcp.urg(),
                tcp.ece(),
                tcp.cwr(),
            ];
            let flags = (0..).zip(flags);
            let flags = flags.fold(0, |all, (bit, set)| all | u8::from(set) << bit);
            assert_eq!(packet.tcp_flags, flags);
        }
        Some(TransportSlice::Udp(udp)) => {
            assert_eq!(packet.protocol, 17);
            assert_eq!(ports, [udp.source_port(), udp.destination_port()]);
        }
        _ => {}
    }
}

/// True if a frame goes on with what etherparse does not know: tags of type 0x9200, MPLS labels, `PPPoE` sessions, LLC,
/// Cisco's `MetaData`, backbones' tags, network service headers, and an Ethernet header as an EtherType.
fn is_below(theirs: &SlicedPacket<'_>) -> bool {
    theirs.ether_payload().is_some_and(|payload| {
        matches!(
            payload.ether_type.0,
            0x8847 | 0x8848 | 0x8864 | 0x9200 | 0x6558 | 0x8909 | 0x88e7 | 0x894f | 0..=1500
        )
    })
}

/// The limits of the walk: reasons it may have where etherparse found nothing wrong.
fn ours(reason: Reason, theirs: &SlicedPacket<'_>) -> bool {
    // For etherparse an IPv6 length of 0 is all there is; here it is an empty packet, unless options or more than 65,535
    // octets say otherwise.
    let empty =
        matches!(&theirs.net, Some(NetSlice::Ipv6(ip)) if ip.header().payload_length() == 0);
    let looked_into = matches!(
        theirs.transport,
        Some(TransportSlice::Tcp(_) | TransportSlice::Udp(_))
    );
    match reason {
        // Etherparse follows headers without end; the walk stops at eight, and at 512 octets.
        Reason::TooDeep | Reason::MalformedExtension | Reason::Fragment => true,
        // Etherparse reads on behind MACsec that is not encrypted.
        Reason::OtherEthertype => theirs
            .link_exts
            .iter()
            .any(|header| matches!(header, LinkExtSlice::Macsec(_))),
        // Etherparse looks into no fragment and no ICMP message.
        Reason::MalformedTcp
        | Reason::MalformedUdp
        | Reason::MalformedIcmp
        | Reason::MalformedTransport => empty || !looked_into,
        _ => false,
    }
}

/// The limits of etherparse: errors where the walk may go on.
fn theirs(error: &SliceError, packet: &Packet) -> bool {
    if packet.protocol == AH {
        return true;
    }
    match error {
        SliceError::Len(error) => match error.layer {
            // A length of 0 is a super-packet's, which etherparse does not know.
            Layer::Ipv4Packet => error.len == 0,
            // In a jumbogram a datagram's own length cannot be known and is not looked at.
            Layer::UdpHeader | Layer::UdpPayload => packet.addresses.is_v6(),
            // Etherparse looks into what is no part of a flow's key.
            Layer::Icmpv4
            | Layer::Icmpv4Timestamp
            | Layer::Icmpv4TimestampReply
            | Layer::Icmpv6
            | Layer::Igmp => true,
            _ => false,
        },
        // RFC 8200 wants these options first; a packet that has them later is one all the same.
        SliceError::Ipv6Exts(error) => matches!(error, HeaderError::HopByHopNotAtStart),
        _ => false,
    }
}

fn addresses(net: &NetSlice<'_>) -> Option<[Ipv6Addr; 2]> {
    match net {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            let both = [header.source_addr(), header.destination_addr()];
            Some(both.map(|address| address.to_ipv6_mapped()))
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            Some([header.source_addr(), header.destination_addr()])
        }
        NetSlice::Arp(_) => None,
    }
}

fn as_v6(addresses: &Addresses) -> [Ipv6Addr; 2] {
    match addresses.version {
        Version::V4 => addresses
            .first()
            .map(|address| Ipv4Addr::from(address.to_ne_bytes()).to_ipv6_mapped()),
        Version::V6 => addresses.words().map(|[high, low]| {
            let mut octets = [0; 16];
            octets[..8].copy_from_slice(&high.to_ne_bytes());
            octets[8..].copy_from_slice(&low.to_ne_bytes());
            Ipv6Addr::from(octets)
        }),
    }
}
