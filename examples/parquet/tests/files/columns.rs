//! Every column of every record.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mermin_core::{
    Flow,
    flow::{
        AddedAttribute, Application, Count, Dns, Dropped, Drops, Endpoint, IcmpMessage, Ipsec,
        MacAddress, Nat, NatSeen, ObservationPoint, PointCounts, Process, Protocol, QuicVersion,
        TcpAnalysis, TcpFlags, TcpLatency, TcpSocket, TcpSockets, Tls, VlanIds, attributes::ALL,
    },
    sink::testing::flows,
};
use mermin_parquet::{Codec, Encoder, Settings};
use mermin_testing::times_of_a_stepped_clock;

use crate::{expected, read};

fn all_columns() -> Settings {
    Settings::default().with(["flow.community_id"])
}

fn encode(settings: Settings, flows: &[Flow]) -> Vec<u8> {
    let file = Encoder::new(settings).unwrap().encode(flows).unwrap();
    assert_eq!(file.rows, flows.len());
    file.octets
}

/// Two interfaces that saw a conversation, the second a little later.
fn observed(start: SystemTime) -> Box<[ObservationPoint]> {
    [(1, "eth0", 40), (9, "veth1", u64::MAX)]
        .map(|(index, name, octets)| {
            let mut counts = PointCounts::new(start + Duration::from_micros(index.into()));
            (counts.packets, counts.octets) = (1, octets);
            (counts.reverse_packets, counts.reverse_octets) = (octets, 0);
            let mut point = ObservationPoint::new(index, name);
            point.counts = Some(counts);
            point
        })
        .into()
}

fn process() -> Process {
    let mut process = Process::new(1);
    process.executable = Some("curl".into());
    process.cgroup_id = Some(u64::MAX);
    process.container_id = Some("0123456789abcdef".repeat(4).into());
    process
}

fn tcp_analysis() -> TcpAnalysis {
    let mut analysis = TcpAnalysis::default();
    analysis.handshake_client = Some(Duration::from_millis(1));
    for (side, number) in [(&mut analysis.forward, 1), (&mut analysis.reverse, 100)] {
        side.retransmissions = number;
        side.retransmitted_octets = number + 1;
        side.out_of_order = number + 2;
        side.duplicate_acks = number + 3;
        side.zero_windows = number + 4;
        side.resets = u64::MAX;
        side.round_trip = Some(TcpLatency::new(number, Duration::from_nanos(1)));
        side.response = Some(TcpLatency::new(number, Duration::from_secs(number)));
    }
    analysis.handshake_server = Some(Duration::from_nanos(u64::MAX));
    analysis
}

fn application() -> Application {
    let mut tls = Tls::default();
    tls.server_name = Some("www.example".into());
    tls.alpn = ["h2", "http/1.1"].map(Arc::from).into();
    let mut dns = Dns::new("www.example", 28);
    dns.response_code = Some(3);
    dns.latency = Some(Duration::from_millis(2));
    let mut application = Application::default();
    application.tls = Some(tls);
    application.dns = Some(dns);
    application.http_host = Some("web.example".into());
    application.quic_version = Some(QuicVersion(1));
    application
}

fn drops() -> Drops {
    let mut drops = Drops::default();
    drops.forward = [("NO_SOCKET", u64::MAX - 1), ("OTHER", 1)]
        .map(|(reason, packets)| Dropped::new(reason, packets))
        .into();
    drops.reverse = [Dropped::new("NETFILTER_DROP", 2)].into();
    drops
}

fn nat(seen: NatSeen, source: Option<u16>, destination: Option<u16>) -> Nat {
    let mut nat = Nat::new(seen);
    nat.source = source.map(|port| Endpoint::new([192, 0, 2, 7], port));
    nat.destination =
        destination.map(|port| Endpoint::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7], port));
    nat
}

fn tcp_socket(round_trip: Option<u64>, number: u32) -> TcpSocket {
    let mut socket = TcpSocket::default();
    socket.smoothed_round_trip = round_trip.map(Duration::from_micros);
    socket.retransmissions = number;
    socket.delivered = u32::MAX - number;
    socket.congestion_window = number + 1;
    socket
}

fn tcp_sockets(source: Option<TcpSocket>, destination: TcpSocket) -> TcpSockets {
    let mut sockets = TcpSockets::default();
    (sockets.source, sockets.destination) = (source, Some(destination));
    sockets
}

/// Records of every kind, and some at the ends of what can be.
fn all() -> Vec<Flow> {
    let mut flows = flows(3000);
    for (number, flow) in flows.iter_mut().enumerate() {
        match number % 50 {
            0 => {
                flow.forward.octets = Count {
                    delta: u64::MAX,
                    total: u64::MAX,
                }
            }
            1 => flow.forward.tcp_flags = Some(TcpFlags(0)),
            2 => flow.reverse.tcp_flags = Some(TcpFlags(0xff)),
            3 => flow.protocol = Protocol(253),
            4 => flow.ipsec = Some(Ipsec::ah(u32::MAX)),
            5 => flow.vlans = VlanIds::from_slice(&[1, 2, 3, 4095]),
            6 => flow.start = UNIX_EPOCH - Duration::from_nanos(1),
            7 => flow.forward.icmp = Some(IcmpMessage { kind: 3, code: 255 }),
            8 => flow.forward.icmp = Some(IcmpMessage { kind: 3, code: 4 }),
            9 => flow.source.address = "::".parse().unwrap(),
            10 => flow.destination.address = "::ffff:10.0.0.1".parse().unwrap(),
            11 => flow.time_resolution = Some(Duration::from_millis(4)),
            12 => flow.interface.name = "".into(),
            13 => flow.sequence = u64::MAX,
            15 => flow.several.vlan_ids = true,
            17 => flow.observation_points = observed(flow.start),
            18 => flow.source_process = Some(Arc::new(process())),
            19 => flow.destination_process = Some(Arc::new(process())),
            21 => flow.tcp_analysis = Some(Box::new(tcp_analysis())),
            22 => flow.application = Some(application().into()),
            23 => flow.drops = Some(Box::new(drops())),
            24 => flow.sampling_interval = NonZeroU32::new(8),
            25 => {
                let source = Some(tcp_socket(Some(250), 10));
                let sockets = tcp_sockets(source, tcp_socket(Some(9), 20));
                flow.tcp_sockets = Some(Box::new(sockets));
            }
            27 => flow.nat = Some(Box::new(nat(NatSeen::Before, Some(443), None))),
            28 => flow.nat = Some(Box::new(nat(NatSeen::After, None, Some(u16::MAX)))),
            26 => flow.tcp_sockets = Some(Box::new(tcp_sockets(None, tcp_socket(None, 30)))),
            20 => flow.source_process = Some(Arc::new(Process::new(u32::MAX))),
            16 => (flow.several.tunnels, flow.several.tunnel_ids) = (true, true),
            14 => {
                flow.protocol = Protocol::ICMP;
                flow.reverse.icmp = Some(IcmpMessage { kind: 3, code: 4 });
            }
            _ => {}
        }
        if let (Some(tunnel), 1) = (&mut flow.tunnel, number % 2) {
            tunnel.sender_mac = Some(MacAddress([2, 0, 0, 0, 0, 9]));
            tunnel.source.address = "2001:db8::1".parse().unwrap();
        }
    }
    flows
}

pub(crate) fn every_column() {
    let flows = all();
    let expected: Vec<_> = flows.iter().map(expected::row).collect();
    let mut codecs = vec![Codec::Lz4];
    if Codec::default() != Codec::Lz4 {
        codecs.push(Codec::default());
    }
    for codec in codecs {
        let rows = read::rows(encode(all_columns().codec(codec), &flows));
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(&expected) {
            assert_eq!(row, expected);
        }
    }
    // Each attribute is there at least once, so that none is compared with nothing.
    for attribute in ALL {
        let name = attribute.name;
        let is_there = expected.iter().any(|row| row.contains_key(name));
        let never = ["flow.ipsec.sender_index", "flow.ipsec.receiver_index"];
        assert_eq!(is_there, !never.contains(&name), "{name}");
    }
}

/// Columns are skipped where no record of a slice has their part. A slice of one record has few parts.
pub(crate) fn alone() {
    let mut encoder = Encoder::new(all_columns()).unwrap();
    for flow in &all()[..300] {
        let file = encoder.encode(std::slice::from_ref(flow)).unwrap();
        assert_eq!(read::rows(file.octets), [expected::row(flow)]);
    }
}

pub(crate) fn left_out() {
    let flows = flows(10);
    let settings = Settings::default().without(["source.address.octets"]);
    let rows = read::rows(encode(settings, &flows));
    for (row, flow) in rows.iter().zip(&flows) {
        let mut expected = expected::row(flow);
        expected.remove("flow.community_id");
        expected.remove("source.address.octets");
        assert_eq!(*row, expected);
    }
    let names: Vec<_> = mermin_parquet::columns(&Settings::default())
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    let nothing = Encoder::new(Settings::default().without(names));
    assert!(nothing.is_err());
}

/// Columns of added attributes are asked for by name.
pub(crate) fn added() {
    let mut flows = flows(3);
    let names: Arc<[Arc<str>]> = ["a", "b"].map(Arc::from).into();
    let list: Arc<[_]> = [
        AddedAttribute::new("source.k8s.pod.name", "web-1"),
        AddedAttribute::new("policies", names),
        AddedAttribute::new("rack", 7),
        AddedAttribute::new("not.asked", "x"),
    ]
    .into();
    flows[1].added_attributes = [list].into();
    let mut expected: Vec<_> = flows.iter().map(expected::row).collect();
    for (name, value) in [
        ("source.k8s.pod.name", "web-1"),
        ("policies", "a,b"),
        ("rack", "7"),
    ] {
        expected[1].insert(name.to_owned(), value.into());
    }
    for row in &mut expected {
        row.retain(|name, _| name != "not.asked");
    }
    let names = [
        "source.k8s.pod.name",
        "policies",
        "rack",
        "absent",
        "flow.id",
    ];
    let settings = all_columns().added(names);
    let columns = mermin_parquet::columns(&settings).len();
    assert_eq!(columns, mermin_parquet::columns(&all_columns()).len() + 4);
    assert_eq!(read::rows(encode(settings, &flows)), expected);
}

/// Which is why a file can be written again in its own place.
pub(crate) fn the_same() {
    let flows = flows(5000);
    let file = encode(Settings::default(), &flows);
    assert_eq!(encode(Settings::default(), &flows), file);
}

/// Nothing goes by them, and they are as they are.
pub(crate) fn stepped() {
    let flows = times_of_a_stepped_clock(90);
    let expected: Vec<_> = flows.iter().map(expected::row).collect();
    assert_eq!(read::rows(encode(all_columns(), &flows)), expected);
}

pub(crate) fn no_times() {
    let mut flows = flows(3);
    for flow in &mut flows {
        flow.time_resolution = None;
    }
    for row in read::rows(encode(Settings::default(), &flows)) {
        for name in [
            "flow.start",
            "flow.end",
            "flow.duration",
            "flow.time.resolution",
        ] {
            assert_eq!(row.get(name), None, "{name}");
        }
        assert!(row.contains_key("source.address"));
    }
}
