//! Records for tests.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use super::*;

pub(crate) fn plain() -> Flow {
    Flow::new(
        FlowId::from_u128(0x1234),
        Protocol::TCP,
        Endpoint::new(Ipv4Addr::new(10, 0, 0, 1), 40_000),
        Endpoint::new(Ipv4Addr::new(10, 0, 0, 2), 443),
        Interface::new(7, "eth0"),
        UNIX_EPOCH + Duration::new(1_763_856_000, 5),
    )
}

/// Returns a record that has only the required fields.
pub(crate) fn bare() -> Flow {
    let mut flow = plain();
    flow.protocol = Protocol::GRE;
    flow.source.port = None;
    flow.destination.port = None;
    flow.time_resolution = None;
    flow.start = UNIX_EPOCH;
    flow.end = UNIX_EPOCH;
    flow
}

/// Returns a record that has every field. No real flow has them all.
pub(crate) fn everything() -> Flow {
    let mut flow = plain();
    flow.sequence = 3;
    flow.end = flow.start + Duration::from_millis(1_500);
    flow.end_reason = EndReason::ActiveTimeout;
    flow.sampling_interval = std::num::NonZeroU32::new(64);
    flow.direction = Direction::Forward;
    flow.direction_rule = Some(DirectionRule::Syn);
    flow.interface.source_mac = Some(MacAddress([0x02, 0, 0, 0xab, 0xcd, 0xef]));
    flow.interface.destination_mac = Some(MacAddress([0x02, 0, 0, 0xab, 0xcd, 0xf0]));
    flow.vlans = VlanIds::from_slice(&[100, 200]);
    flow.several.vlan_tags = true;
    flow.several.tunnel_ids = true;
    flow.forward = Uniflow {
        packets: Count { delta: 1, total: 2 },
        octets: Count {
            delta: 60,
            total: 120,
        },
        frame_octets: Count {
            delta: 74,
            total: u64::MAX,
        },
        ip: Some(IpHeader {
            dscp: 46,
            ecn: 2,
            ttl: 64,
            flow_label: Some(0xf_abcd),
        }),
        icmp: Some(IcmpMessage { kind: 3, code: 3 }),
        tcp_flags: Some(TcpFlags(0x12)),
    };
    flow.reverse = Uniflow {
        packets: Count { delta: 5, total: 6 },
        ..flow.forward
    };
    flow.protocol = Protocol::ICMP;
    flow.icmp_id = Some(77);
    flow.tcp = Some(Tcp {
        state: TcpState::Established,
        handshake_latency: Some(Duration::from_micros(1_234)),
    });
    flow.tcp_analysis = Some(Box::new(analysis()));
    flow.tcp_sockets = Some(Box::new(sockets()));
    flow.drops = Some(Box::new(drops()));
    flow.ipsec = Some(Ipsec {
        ah_spi: Some(1),
        esp_spi: Some(2),
        sender_index: Some(3),
        receiver_index: Some(u32::MAX),
    });
    flow.tunnel = Some(Tunnel {
        id: Some(42),
        sender_mac: Some(MacAddress([0x02, 0, 0, 0, 0, 9])),
        forward: Count {
            delta: 50,
            total: 100,
        },
        ..Tunnel::new(
            TunnelKind::Vxlan,
            Protocol::UDP,
            Endpoint::new(Ipv6Addr::LOCALHOST, 55_555),
            Endpoint::new(Ipv6Addr::LOCALHOST, 4789),
        )
    });
    let mut points = [(7, "eth0", 0), (9, "veth1", 1_500)]
        .map(|(index, name, delay)| (ObservationPoint::new(index, name), delay));
    for (point, delay) in &mut points {
        point.counts = Some(PointCounts {
            start: flow.start + Duration::from_nanos(*delay),
            packets: 2,
            octets: 120,
            reverse_packets: 6,
            reverse_octets: u64::MAX,
        });
    }
    flow.observation_points = points.map(|(point, _)| point).into();
    flow.nat = Some(Box::new(nat()));
    flow.source_process = Some(Arc::new(Process {
        executable: Some("curl".into()),
        cgroup_id: Some(4_711),
        container_id: Some("0123456789abcdef".repeat(4).into()),
        ..Process::new(42)
    }));
    flow.destination_process = flow.source_process.clone();
    flow.application = Some(Arc::new(Application {
        tls: Some(Tls {
            server_name: Some("example.com".into()),
            alpn: ["h2", "http/1.1"].map(Arc::from).into(),
        }),
        dns: Some(Dns {
            response_code: Some(3),
            latency: Some(Duration::from_micros(700)),
            ..Dns::new("www.example.com", 65_280)
        }),
        http_host: Some("example.com:8080".into()),
        quic_version: Some(QuicVersion(0xff00_001d)),
    }));
    flow
}

fn drops() -> Drops {
    Drops {
        forward: [Dropped::new("NETFILTER_DROP", 3), Dropped::new("OTHER", 1)].into(),
        reverse: [Dropped::new("SOCKET_RCVBUFF", u64::MAX)].into(),
    }
}

fn nat() -> Nat {
    Nat {
        source: Some(Endpoint::new(Ipv4Addr::new(192, 0, 2, 1), 1_024)),
        destination: Some(Endpoint::new(Ipv4Addr::new(10, 1, 0, 7), 8_443)),
        seen: NatSeen::Before,
    }
}

fn sockets() -> TcpSockets {
    let source = TcpSocket {
        smoothed_round_trip: Some(Duration::from_micros(1_250)),
        retransmissions: 3,
        delivered: u32::MAX,
        congestion_window: 10,
    };
    TcpSockets {
        source: Some(source),
        destination: Some(TcpSocket {
            delivered: 70,
            ..source
        }),
    }
}

fn analysis() -> TcpAnalysis {
    let latency = TcpLatency {
        min: Duration::from_micros(900),
        max: Duration::from_secs(3),
        jitter: Duration::from_nanos(17),
        ..TcpLatency::new(12, Duration::from_millis(4))
    };
    let segments = TcpSegments {
        retransmissions: 1,
        retransmitted_octets: 1448,
        out_of_order: 2,
        duplicate_acks: 3,
        zero_windows: 4,
        resets: 5,
        round_trip: Some(latency),
        response: Some(TcpLatency::new(1, Duration::from_micros(77))),
    };
    TcpAnalysis {
        forward: segments,
        reverse: TcpSegments {
            retransmissions: u64::MAX,
            ..segments
        },
        handshake_server: Some(Duration::from_micros(1_234)),
        handshake_client: Some(Duration::from_nanos(56)),
    }
}
