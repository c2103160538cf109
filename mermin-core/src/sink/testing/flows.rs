//! Records of every kind.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, UNIX_EPOCH},
};

use crate::flow::{
    Count, Direction, DirectionRule, EndReason, Endpoint, Flow, FlowId, IcmpMessage, Interface,
    IpHeader, Ipsec, MacAddress, Protocol, Tcp, TcpFlags, TcpState, Tunnel, TunnelKind, Uniflow,
    VlanIds,
};

/// Returns this many records, each of another flow, of every kind in turn: TCP, UDP, ICMP, ICMPv6, GRE and ESP, over
/// IPv4 and IPv6, with and without VLANs, tunnels, MAC addresses and replies, with every end reason, with counters of 0
/// and beyond 32 bits. The same number always gives the same record.
#[must_use]
pub fn flows(count: u32) -> Vec<Flow> {
    (0..count).map(flow).collect()
}

fn flow(number: u32) -> Flow {
    let protocols = [
        Protocol::TCP,
        Protocol::UDP,
        Protocol::ICMP,
        Protocol::TCP,
        Protocol(50),
        Protocol(47),
    ];
    let ipv6 = number % 4 == 3;
    let mut protocol = protocols[number as usize % protocols.len()];
    if ipv6 && protocol == Protocol::ICMP {
        protocol = Protocol::ICMPV6;
    }
    let has_ports = matches!(protocol, Protocol::TCP | Protocol::UDP);
    let end = |host: u32, port: u16| Endpoint {
        address: address(host, ipv6),
        port: has_ports.then_some(port),
    };
    let start = UNIX_EPOCH
        + Duration::new(
            1_763_856_000 + u64::from(number),
            number * 7 % 1_000_000_000,
        );
    let port = 1024 + u16::try_from(number % 60_000).unwrap_or(0);
    let mut flow = Flow::new(
        FlowId::from_u128(0xfeed << 64 | u128::from(number)),
        protocol,
        end(number, port),
        end(!number, 443),
        Interface::new(
            number % 3 + 1,
            ["eth0", "wlan0", "ö\"\\\n0"][number as usize % 3],
        ),
        start,
    );
    flow.sequence = u64::from(number % 3);
    flow.end = start + Duration::from_micros(u64::from(number) * 1001);
    flow.end_reason = [
        EndReason::IdleTimeout,
        EndReason::ActiveTimeout,
        EndReason::EndOfFlow,
        EndReason::ForcedEnd,
        EndReason::LackOfResources,
    ][number as usize % 5];
    flow.direction =
        [Direction::Forward, Direction::Reverse, Direction::Unknown][number as usize % 3];
    flow.direction_rule = number
        .is_multiple_of(2)
        .then_some(DirectionRule::FirstPacket);
    flow.interface.source_mac = (number % 3 != 2).then_some(MacAddress([2, 0, 0, 0, 1, 7]));
    flow.interface.destination_mac = (number % 4 < 2).then_some(MacAddress([2, 0, 0, 0, 2, 9]));
    let vlans: [&[u16]; 3] = [&[], &[100], &[100, 4094]];
    flow.vlans = VlanIds::from_slice(vlans[number as usize % 3]);
    flow.forward = half(number, protocol, ipv6, 0x1b);
    if number % 5 != 4 {
        flow.reverse = half(number / 2, protocol, ipv6, 0x12);
    }
    add(&mut flow, number);
    flow
}

/// Sets the fields of some protocols only.
fn add(flow: &mut Flow, number: u32) {
    match flow.protocol {
        Protocol::TCP => {
            flow.tcp = Some(Tcp {
                state: TcpState::ALL[number as usize % TcpState::ALL.len()],
                handshake_latency: number
                    .is_multiple_of(2)
                    .then_some(Duration::from_nanos(number.into())),
            });
        }
        Protocol::ICMP | Protocol::ICMPV6 => flow.icmp_id = u16::try_from(number % 65_536).ok(),
        Protocol(50) => flow.ipsec = Some(Ipsec::esp(number)),
        _ => {}
    }
    if number % 7 == 6 {
        let kinds = [TunnelKind::Vxlan, TunnelKind::Gre, TunnelKind::Ipip];
        let kind = kinds[number as usize % 3];
        let mut tunnel = Tunnel::new(
            kind,
            Protocol::UDP,
            Endpoint::new(Ipv4Addr::new(192, 0, 2, 1), 55_000),
            Endpoint::new(Ipv4Addr::new(192, 0, 2, 2), 4789),
        );
        tunnel.id = (kind != TunnelKind::Ipip).then_some(number % (1 << 24));
        tunnel.forward = Count {
            delta: 50,
            total: 100,
        };
        flow.tunnel = Some(tunnel);
    }
}

fn address(host: u32, ipv6: bool) -> IpAddr {
    if ipv6 {
        let prefix = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0));
        Ipv6Addr::from(prefix | u128::from(host)).into()
    } else {
        Ipv4Addr::from(0x0a00_0000 | host & 0x00ff_ffff).into()
    }
}

fn half(number: u32, protocol: Protocol, ipv6: bool, flags: u8) -> Uniflow {
    let packets = u64::from(number % 1000) + 1;
    let octets = if number % 11 == 10 {
        (1 << 33) + 7
    } else {
        packets * 100
    };
    let count = |delta: u64| Count {
        delta,
        total: delta * 2,
    };
    let icmp = matches!(protocol, Protocol::ICMP | Protocol::ICMPV6);
    Uniflow {
        packets: count(packets),
        octets: count(octets),
        frame_octets: count(octets + packets * 14),
        ip: Some(IpHeader::new(0xb8, 64, ipv6.then_some(number & 0xf_ffff))),
        icmp: icmp.then_some(IcmpMessage {
            kind: if ipv6 { 128 } else { 8 },
            code: 0,
        }),
        tcp_flags: (protocol == Protocol::TCP).then_some(TcpFlags(flags)),
    }
}
