//! Golden captures with their flows. `MERMIN_BLESS=1` writes both anew.

use std::{fmt::Write as _, fs, path::PathBuf};

use mermin_core::FlowSource;

use crate::{
    frames::{
        ACK, Described, ETHERNET, FIN, Frame, RST, SECOND, SYN, Shape, ethernet, ipv4, ipv6, pcap,
        pcapng, tcp, udp, udp_datagram,
    },
    run::open,
};

fn mixed() -> Vec<Frame> {
    let message = |kind: u8| [kind, 0, 0, 0, 0, 77, 0, 1];
    let request = ipv4(1, [10, 0, 0, 1], [10, 0, 0, 2], &message(8));
    let reply = ipv4(1, [10, 0, 0, 2], [10, 0, 0, 1], &message(0));
    let tagged = [
        &[0x00, 0x64, 0x08, 0x00][..],
        &ipv4(47, [10, 0, 0, 1], [10, 0, 0, 9], &[0; 12]),
    ]
    .concat();
    let later = {
        let mut packet = ipv4(17, [10, 0, 0, 1], [10, 0, 0, 2], &[0; 16]);
        packet[7] = 185;
        packet
    };
    // Another initial sequence number: without it this SYN would be the first one, come late.
    let again = {
        const SEQUENCE_NUMBER: usize = 14 + 20 + 4;
        let mut frame = tcp(40_000, true, SYN, 0);
        frame[SEQUENCE_NUMBER] = 1;
        frame
    };
    vec![
        Frame::new(0, tcp(40_000, true, SYN, 0)),
        Frame::new(20_000_000, tcp(40_000, false, SYN | ACK, 0)),
        Frame::new(21_000_000, tcp(40_000, true, ACK, 700)),
        Frame::new(22_000_000, udp(5353, 40)),
        Frame::new(30_000_000, ethernet(0x0800, &request)),
        Frame::new(31_000_000, ethernet(0x0800, &reply)),
        Frame::new(40_000_000, ethernet(0x8100, &tagged)),
        Frame::new(
            50_000_000,
            ethernet(0x86dd, &ipv6(17, 1, 2, &udp_datagram([9, 10], &[0; 3]))),
        ),
        Frame::new(60_000_000, ethernet(0x0806, &[0; 46])),
        Frame::new(61_000_000, ethernet(0x0800, &later)),
        Frame::new(2 * SECOND, tcp(40_000, false, ACK, 1400)).snapped(96),
        Frame::new(2 * SECOND + 1_000, tcp(40_000, true, ACK, 0)).snapped(30),
        Frame::new(3 * SECOND, tcp(40_000, true, FIN | ACK, 0)),
        Frame::new(3 * SECOND + 1_000_000, tcp(40_000, false, FIN | ACK, 0)),
        Frame::new(4 * SECOND, again),
        Frame::new(4 * SECOND + 5_000_000, tcp(40_000, false, RST | ACK, 0)),
        Frame::new(70 * SECOND, udp(5353, 41)),
        Frame::new(140 * SECOND, udp(5353, 42)),
    ]
}

fn cooked() -> Vec<Frame> {
    let header = |kind: u16| {
        let rest = [0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0];
        [&kind.to_be_bytes()[..], &rest].concat()
    };
    let v4 = ipv4(
        17,
        [10, 0, 0, 1],
        [10, 0, 0, 2],
        &udp_datagram([1, 2], &[0; 9]),
    );
    let v6 = ipv6(
        6,
        2,
        1,
        &[
            0, 80, 0, 81, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 16, 0, 0, 0, 0, 0, 0,
        ],
    );
    vec![
        Frame::new(0, [header(0x0800), v4].concat()),
        Frame::new(1_000, [header(0x86dd), v6].concat()),
        Frame::new(2_000, [header(0x0806), vec![0; 28]].concat()),
    ]
}

fn captures() -> Vec<(&'static str, Vec<u8>)> {
    let two = [Described::new(1, "eth0"), Described::new(276, "any")];
    let both: Vec<Frame> = mixed()
        .into_iter()
        .chain(cooked().into_iter().map(|frame| frame.on(1)))
        .collect();
    let big = Shape::ALL[3];
    vec![
        ("mixed.pcap", pcap(Shape::LITTLE, ETHERNET, &mixed())),
        ("mixed_be_ns.pcap", pcap(big, ETHERNET, &mixed())),
        ("cooked2.pcap", pcap(Shape::LITTLE, 276, &cooked())),
        ("two_links.pcapng", pcapng(Shape::ALL[1], &two, &both)),
    ]
}

fn flows_as_text(path: &PathBuf) -> String {
    let outcome = open(FlowSource::builder().pcap(path)).unwrap();
    let mut text = String::new();
    for flow in &outcome.flows {
        writeln!(text, "{flow}").unwrap();
    }
    for hook in &outcome.stats.hooks {
        for found in &hook.ignored {
            let (packets, octets) = (found.packets, found.frame_octets);
            writeln!(
                text,
                "{}: {} {packets} packets {octets} octets",
                hook.interface, found.reason
            )
            .unwrap();
        }
    }
    outcome.whole();
    text
}

#[test]
fn golden_captures_have_their_golden_flows() {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures"));
    let bless = std::env::var_os("MERMIN_BLESS").is_some();
    for (name, file) in captures() {
        let path = directory.join(name);
        let expected = directory.join(format!("{name}.flows"));
        if bless {
            fs::write(&path, &file).unwrap();
            fs::write(&expected, flows_as_text(&path)).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), file, "{name}");
        assert_eq!(
            flows_as_text(&path),
            fs::read_to_string(&expected).unwrap(),
            "{name}"
        );
    }
}
