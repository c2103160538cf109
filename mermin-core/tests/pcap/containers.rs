//! The same packets in every container give the same flows.

use std::time::{Duration, UNIX_EPOCH};

use crate::{
    frames::{
        ACK, Described, ETHERNET, FIN, Frame, SECOND, SYN, Shape, block, description, enhanced,
        obsolete, pcap, pcap_header, pcapng, section, simple, tcp, udp,
    },
    run::{dates, read, sums},
};

/// A connection and a datagram, on whole microseconds.
fn conversation() -> Vec<Frame> {
    let segments = [
        (true, SYN, 0),
        (false, SYN | ACK, 0),
        (true, ACK, 100),
        (false, ACK, 1000),
        (true, FIN | ACK, 0),
        (false, FIN | ACK, 0),
    ];
    let mut frames: Vec<Frame> = segments
        .iter()
        .zip(0..)
        .map(|(&(there, flags, payload), step)| {
            Frame::new(step * 1_000_000, tcp(40_000, there, flags, payload))
        })
        .collect();
    frames.push(Frame::new(SECOND + 7_000, udp(40_000, 31)));
    frames
}

fn check(file: Vec<u8>, what: &str) {
    let flows = read(file).whole();
    assert_eq!(flows.len(), 2, "{what}");
    let [tcp, udp] = &flows[..] else {
        panic!("two flows")
    };
    assert_eq!(sums(tcp), [3, 220, 3, 1120], "{what}");
    assert_eq!(dates(tcp), [0, 5_000_000], "{what}");
    assert_eq!(tcp.end_reason.as_str(), "end of flow detected");
    let connection = tcp.tcp.as_ref().unwrap();
    assert_eq!(connection.handshake_latency.unwrap().as_micros(), 1000);
    assert_eq!(sums(udp), [1, 59, 0, 0], "{what}");
    assert_eq!(dates(udp), [SECOND + 7_000; 2], "{what}");
    assert_eq!(
        udp.interface.source_mac.unwrap().to_string(),
        "02:00:00:00:00:01"
    );
    assert_eq!((tcp.interface.index, udp.interface.index), (1, 1));
}

#[test]
fn pcap_of_either_order_and_precision_is_read() {
    for shape in Shape::ALL {
        check(
            pcap(shape, ETHERNET, &conversation()),
            &format!("{shape:?}"),
        );
    }
}

#[test]
fn pcap_says_how_long_check_sequences_are_above_the_link_type() {
    let file = pcap(Shape::LITTLE, 0x2400_0000 | ETHERNET, &conversation());
    check(file, "with FCS length");
}

#[test]
fn pcap_of_the_1999_kernel_patch_is_read() {
    let mut file = pcap_header(Shape::LITTLE, 0xa1b2_cd34, ETHERNET);
    let ordinary = pcap(Shape::LITTLE, ETHERNET, &conversation());
    let mut records = &ordinary[24..];
    while let Some((header, rest)) = records.split_first_chunk::<16>() {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        file.extend(header);
        file.extend([0; 8]);
        file.extend(&rest[..length]);
        records = &rest[length..];
    }
    check(file, "modified");
}

#[test]
fn pcapng_of_either_order_and_precision_is_read() {
    for shape in Shape::ALL {
        let interface = Described {
            resolution: shape.nanoseconds.then_some(9),
            ..Described::new(1, "eth0")
        };
        let file = pcapng(shape, &[interface], &conversation());
        let flows = read(file.clone()).whole();
        assert_eq!(&*flows[0].interface.name, "eth0");
        check(file, &format!("{shape:?}"));
    }
}

#[test]
fn time_stamps_have_units_and_offsets_of_their_interface() {
    for big_endian in [false, true] {
        let shape = Shape {
            big_endian,
            nanoseconds: false,
        };
        for (resolution, per_second) in [(0, 1), (3, 1000), (12, 1_000_000_000_000), (0x8a, 1024)] {
            let interface = Described {
                resolution: Some(resolution),
                offset: Some(1_699_000_000),
                ..Described::new(1, "")
            };
            let mut file = section(shape);
            file.extend(description(shape, &interface));
            let frame = Frame::new(0, udp(1, 1));
            for seconds in [1_000_000, 1_000_003] {
                file.extend(enhanced(shape, &frame, seconds * per_second, false));
            }
            let flows = read(file).whole();
            assert_eq!(dates(&flows[0]), [0, 3 * SECOND], "{resolution}");
            assert_eq!(&*flows[0].interface.name, "pcap");
        }
    }
}

#[test]
fn interfaces_are_numbered_over_sections_and_keep_their_flows_apart() {
    let interfaces = [Described::new(1, "left"), Described::new(101, "right")];
    let mut raw = Frame::new(10, udp(5, 1)).on(1);
    raw.octets.drain(..14);
    raw.length -= 14;
    let frames = [Frame::new(0, udp(5, 1)), raw, Frame::new(20, udp(5, 1))];
    let mut file = pcapng(Shape::LITTLE, &interfaces, &frames);
    let big = Shape {
        big_endian: true,
        nanoseconds: false,
    };
    file.extend(pcapng(
        big,
        &[Described::new(1, "left")],
        &[Frame::new(30, udp(5, 1))],
    ));
    let outcome = read(file);
    let hooks: Vec<(u32, &str, u64)> = outcome
        .stats
        .hooks
        .iter()
        .map(|hook| (hook.index, &*hook.interface, hook.traffic.packets))
        .collect();
    assert_eq!(hooks, [(1, "left", 2), (2, "right", 1), (3, "left", 1)]);
    assert_eq!(outcome.whole().len(), 3);
}

#[test]
fn simple_and_obsolete_packet_blocks_are_read() {
    for shape in Shape::ALL {
        let mut file = section(shape);
        let interface = Described {
            snap: 60,
            ..Described::new(1, "")
        };
        file.extend(description(shape, &interface));
        let whole = Frame::new(0, udp(9, 3));
        file.extend(obsolete(shape, &whole, 5_000_000));
        // Its captured length follows from the interface's limit: 60 octets, no padding.
        let long = Frame::new(0, udp(9, 1000)).snapped(60);
        file.extend(simple(shape, &long));
        file.extend(simple(shape, &whole));
        let flows = read(file).whole();
        assert_eq!(flows.len(), 1);
        assert_eq!(sums(&flows[0]), [3, 31 + 1028 + 31, 0, 0]);
        // Those have no time, and the flow has that of the other.
        let only = UNIX_EPOCH + Duration::from_secs(5);
        assert_eq!((flows[0].start, flows[0].end), (only, only));
        assert_eq!(flows[0].forward.frame_octets.total, 3 * 14 + 31 + 1028 + 31);
    }
}

#[test]
fn flow_without_a_time_has_none() {
    let shape = Shape::LITTLE;
    let mut file = section(shape);
    file.extend(description(shape, &Described::new(1, "")));
    file.extend(simple(shape, &Frame::new(0, udp(9, 3))));
    let flows = read(file).whole();
    assert_eq!(flows[0].time_resolution, None);
    assert_eq!(flows[0].duration(), Duration::ZERO);
    let mut names = Vec::new();
    flows[0].attributes().for_each(|(name, _)| names.push(name));
    for time in ["flow.start", "flow.end", "flow.time.resolution"] {
        assert!(!names.contains(&time), "{time}");
    }
    assert!(
        flows[0].to_string().starts_with("(no time) udp "),
        "{}",
        flows[0]
    );
}

#[test]
fn time_before_1970_is_exported_unchanged() {
    let shape = Shape::LITTLE;
    let mut file = section(shape);
    let interface = Described {
        offset: Some(-2_000_000_000),
        ..Described::new(1, "")
    };
    file.extend(description(shape, &interface));
    file.extend(enhanced(shape, &Frame::new(0, udp(9, 3)), 5_000_000, false));
    let flows = read(file).whole();
    let before = UNIX_EPOCH - Duration::from_secs(2_000_000_000 - 5);
    assert_eq!((flows[0].start, flows[0].end), (before, before));
    assert!(
        flows[0]
            .to_string()
            .starts_with("1906-08-16T20:26:45.000Z "),
        "{}",
        flows[0]
    );
    assert_eq!(flows[0].time_resolution, Some(Duration::from_micros(1)));
}

#[test]
fn blocks_of_no_interest_may_be_longer_than_memory() {
    let shape = Shape::LITTLE;
    let mut file = section(shape);
    file.extend(description(shape, &Described::new(1, "")));
    file.extend(block(shape, 0x0000_0bad, &vec![7; 20 << 20]));
    file.extend(enhanced(shape, &Frame::new(0, udp(1, 1)), 5, false));
    assert_eq!(read(file).whole().len(), 1);
}
