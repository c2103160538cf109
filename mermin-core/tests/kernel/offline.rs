//! The same packets on an interface and in a capture file: records have the same attributes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
};

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{Flow, FlowSource, lab::frame::Segment};

use crate::{
    names::{answer, hello, question},
    support::{
        frame::{self, ACK, FIN, IPV4, RST, SYN, tagged},
        host::Pair,
        traffic::{Injector, address},
        watch::{Watch, on},
    },
};

crate::cases! {
    case capture_file_gives_the_attributes_of_an_interface,
}

const PSH: u8 = 8;

/// Attributes that tell where and when a packet was seen, and not what it was.
const OF_THE_PLACE: [&str; 6] = [
    "flow.id",
    "flow.start",
    "flow.end",
    "flow.time.resolution",
    "network.interface.name",
    "network.interface.index",
];

/// Ends of the name of a time: it is there in both, and has another value.
const TIMES: [&str; 4] = ["latency", "jitter", ".min", ".max"];

/// Frames of a conversation of TCP: a handshake, a request that is sent again, a response, a duplicate acknowledgment, a closed window.
fn conversation(ends: [SocketAddr; 2], request: &[u8]) -> Vec<Vec<u8>> {
    let [client, server] = [ends, [ends[1], ends[0]]];
    let segment = |ends: [SocketAddr; 2], flags, numbers: [u32; 2], window, payload: &[u8]| {
        let segment = Segment {
            flags,
            sequence: numbers[0],
            acknowledgment: numbers[1],
            window,
            payload,
        };
        frame::tcp_of(ends[0], ends[1], &segment)
    };
    let end = 100 + u32::try_from(request.len()).unwrap();
    vec![
        segment(client, SYN, [99, 0], 1000, &[]),
        segment(server, SYN | ACK, [499, 100], 1000, &[]),
        segment(client, ACK, [100, 500], 1000, &[]),
        segment(client, ACK | PSH, [100, 500], 1000, request),
        segment(client, ACK | PSH, [100, 500], 1000, request),
        segment(server, ACK, [500, end], 1000, &[]),
        segment(server, ACK | PSH, [500, end], 1000, &[1; 300]),
        segment(client, ACK, [end, 500], 1000, &[]),
        segment(client, ACK, [end, 500], 1000, &[]),
        segment(client, ACK, [end, 800], 0, &[]),
        segment(client, ACK, [end, 800], 900, &[]),
        segment(client, ACK | FIN, [end, 800], 900, &[]),
        segment(server, ACK | FIN, [800, end + 1], 900, &[]),
        segment(client, RST, [end + 1, 0], 0, &[]),
    ]
}

fn frames() -> Vec<Vec<u8>> {
    let [client, server] = ["10.9.0.1:40000", "10.9.0.2:443"].map(address);
    let [client_six, server_six] = ["[fd00::9]:40001", "[fd00::a]:80"].map(address);
    let mut packets = conversation([client, server], &hello("offline.example"));
    let request = b"GET / HTTP/1.1\r\nHost: offline.example\r\n\r\n";
    packets.extend(conversation([client_six, server_six], request));
    let dns = ["10.9.0.1:40053", "10.9.0.2:53"].map(address);
    let asked = question(7, b"\x07offline\x07example");
    packets.push(frame::udp(dns[0], dns[1], &asked));
    packets.push(frame::udp(dns[1], dns[0], &answer(&asked, 3)));
    let reserved = frame::ip(client.ip(), server.ip(), 1, &[8, 0, 0, 0, 0, 1, 0, 1]);
    packets.push(reserved);
    packets.push(frame::sctp(client, server, 1, 5));
    let mut frames: Vec<_> = packets.iter().map(|packet| tagged(&[], packet)).collect();
    let [tagged_client, tagged_server] = ["10.9.0.3:1000", "10.9.0.4:2000"].map(address);
    let datagram = frame::udp(tagged_client, tagged_server, &[0; 30]);
    frames.push(tagged(
        &[(frame::SERVICE_VLAN, 100), (frame::VLAN, 200)],
        &datagram,
    ));
    let inner = frame::ethernet(IPV4, &frame::udp(tagged_server, tagged_client, &[0; 9]));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &inner].concat();
    let carrier = ["10.0.0.2:50000", "10.0.0.1:4789"].map(address);
    frames.push(frame::ethernet(
        IPV4,
        &frame::udp(carrier[0], carrier[1], &vxlan),
    ));
    frames
}

/// A capture file with a millisecond between two frames.
fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    let words = |words: [u32; 4]| words.map(u32::to_le_bytes).concat();
    let mut file = words([0xa1b2_c3d4, 2 | 4 << 16, 0, 0]);
    file.extend([65_535_u32, 1].map(u32::to_le_bytes).concat());
    for (number, frame) in (0..).zip(frames) {
        let length = u32::try_from(frame.len()).unwrap();
        file.extend(words([1_700_000_000, number * 1000, length, length]));
        file.extend(frame);
    }
    file
}

type Records<'a> = BTreeMap<String, BTreeMap<&'a str, String>>;

/// Attributes by conversation.
fn attributes(flows: &[Flow]) -> Records<'_> {
    let records = flows.iter().map(|flow| {
        let of_packets = flow
            .attributes()
            .filter(|(name, _)| !OF_THE_PLACE.contains(name))
            .map(|(name, value)| {
                let is_time = TIMES.iter().any(|end| name.ends_with(end));
                (
                    name,
                    if is_time {
                        String::new()
                    } else {
                        format!("{value:?}")
                    },
                )
            });
        let ends = format!(
            "{:?} {:?} {:?}",
            flow.source, flow.destination, flow.protocol
        );
        (ends, of_packets.collect())
    });
    records.collect()
}

fn capture_file_gives_the_attributes_of_an_interface() {
    let pair = Pair::new();
    let frames = frames();
    let watch = Watch::open(&pair.near, on("v0").names(true).tcp_analysis(true));
    let injector = Injector::new(&pair.far, "v1");
    for frame in &frames {
        injector.send(frame);
    }
    let live = watch.finish();
    let path = std::env::temp_dir().join(format!("mermin-offline-{}.pcap", std::process::id()));
    fs::write(&path, file(&frames)).unwrap();
    let options = FlowSource::builder().names(true).tcp_analysis(true);
    let offline: Vec<Flow> = block_on(async {
        let source = options.pcap(&path).open().await.unwrap();
        source.map(Result::unwrap).collect().await
    });
    fs::remove_file(&path).unwrap();
    assert_eq!(live.packets, frames.len() as u64, "{:?}", live.flows);
    let [live, offline] = [attributes(&live.flows), attributes(&offline)];
    assert!(live.len() >= 7, "{live:#?}");
    let names: BTreeSet<_> = live.values().flat_map(BTreeMap::keys).collect();
    for name in [
        "tls.client.server_name",
        "dns.question.name",
        "http.host",
        "flow.tcp.retransmissions",
        "flow.reverse.tcp.rndtrip.latency",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for (ends, record) in &live {
        assert_eq!(Some(record), offline.get(ends), "{ends}");
    }
    assert_eq!(live.len(), offline.len());
}
