//! The engine's steps one at a time on the real program, in orders that a running source meets only by chance.

use std::{
    collections::HashSet,
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    thread,
    time::Duration,
};

use mermin_core::{
    flow::EndReason,
    lab::{
        Context, Differential, HookDirection, Order, VERIFIED_LIMIT, for_each_captured,
        frame::{
            flag::{ACK, FIN, SYN},
            tcp, udp,
        },
        open_or_skip as lab,
    },
};

fn client() -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, 1), 50_000).into()
}

fn server() -> SocketAddr {
    (Ipv4Addr::new(198, 18, 0, 1), 443).into()
}

/// The segment with this sequence number.
fn numbered(mut segment: Vec<u8>, number: u8) -> Vec<u8> {
    segment[14 + 20 + 7] = number;
    segment
}

#[test]
fn replaced_flow_is_closed_once() {
    let Some(mut lab) = lab(64) else { return };
    for (from, to, flags, number) in [
        (client(), server(), SYN, 1),
        (server(), client(), SYN | ACK, 100),
        (client(), server(), FIN | ACK, 2),
        (server(), client(), FIN | ACK, 101),
        // The next connection, of the same key.
        (client(), server(), SYN, 200),
    ] {
        let frame = numbered(tcp(from, to, flags, 0), number);
        lab.run(HookDirection::Ingress, &frame, &Context::default(), 1)
            .unwrap();
    }
    lab.sweep().unwrap();
    // The ended connection is being closed when everything is looked at again.
    thread::sleep(Duration::from_millis(2100));
    lab.sweep().unwrap();
    lab.expire().unwrap();
    assert_eq!(lab.stats().flows_ended, 2);
}

/// The clock says that a minute, an hour, a day have gone by, as after a machine was asleep: flows end, late packets
/// begin new ones, and no packet is lost or reported twice.
#[test]
fn dates_survive_a_jump_of_the_monotonic_clock() {
    const FLOWS: u32 = 500;
    let Some(mut lab) = lab(4096) else { return };
    let driver = lab.driver(Order::Sequence, FLOWS).unwrap();
    let frame = udp(client(), server(), 4);
    let mut ids = HashSet::new();
    let (mut sent, mut told) = (0, 0);
    for (hours, packets) in [(0, 3), (1, 2), (24, 4), (24 * 365, 1)] {
        driver
            .run(&frame, &Context::default(), FLOWS * packets)
            .unwrap();
        sent += u64::from(FLOWS * packets);
        lab.jump(Duration::from_secs(3_600 * hours)).unwrap();
        for record in lab.take() {
            assert_eq!(record.end_reason, EndReason::IdleTimeout);
            assert!(record.end.duration_since(record.start).unwrap() < Duration::from_secs(60));
            assert!(ids.insert(record.id), "{record:#?}");
            told += record.forward.packets.delta + record.reverse.packets.delta;
        }
        assert_eq!(told, if hours == 0 { 0 } else { sent });
        assert_eq!(lab.read().packets, sent - told);
    }
    assert_eq!(ids.len(), 3 * FLOWS as usize);
    assert_eq!(
        (lab.stats().packets, lab.stats().flows_ended),
        (sent, 3 * u64::from(FLOWS))
    );
}

#[test]
fn packets_of_many_flows_make_that_many_flows() {
    let Some(mut lab) = lab(4096) else { return };
    let driver = lab.driver(Order::Sequence, 1000).unwrap();
    let frame = udp(client(), server(), 4);
    let run = driver.run(&frame, &Context::default(), 3000).unwrap();
    assert_eq!(run.verdict, -1);
    let reading = lab.read();
    assert_eq!((reading.flows, reading.packets), (1000, 3000));
    assert_eq!(reading.octets, 3000 * 32);
    assert_eq!(lab.close_all().unwrap().flows, 1000);
    let records = lab.take();
    assert_eq!(records.len(), 1000);
    assert!(records.iter().all(|record| {
        record.end_reason == EndReason::ForcedEnd && record.forward.packets.delta == 3
    }));
    assert_eq!(lab.stats().packets, 3000);
    assert_eq!(lab.read().flows, 0);
}

#[test]
fn super_packet_counts_its_segments() {
    let Some(mut lab) = lab(64) else { return };
    let context = Context {
        gso_segs: 3,
        gso_size: 500,
        ..Context::default()
    };
    let frame = tcp(client(), server(), ACK, 1400);
    lab.run(HookDirection::Egress, &frame, &context, 1).unwrap();
    assert_eq!(lab.read().packets, 3);
    lab.close_all().unwrap();
    // Two more IP and TCP headers on the wire than in the buffer.
    assert_eq!(lab.take()[0].forward.octets.total, 1440 + 2 * 40);
}

#[test]
fn kernel_reports_the_size_of_program_and_maps() {
    let Some(lab) = lab(64) else { return };
    for (name, info) in lab.programs().unwrap() {
        println!("{name}: {info:?}");
        // Without `tcp_analysis` the verifier removes most of `mermin_tcp`.
        let is_whole = info.instructions > 100 || name == "mermin_tcp";
        assert!(is_whole, "{name}: {info:?}");
        // A tenth of the verifier's limit: other kernels walk more ways than this one.
        assert!(info.verified < VERIFIED_LIMIT / 10, "{name}: {info:?}");
    }
    let maps = lab.maps().unwrap();
    let slots = maps.iter().find(|map| map.name == "SLOTS").unwrap();
    assert!(slots.octets >= 64 * 320);
}

/// Every kind of header, and the captures that are kept.
fn frames() -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut frames = Vec::new();
    for entry in fs::read_dir(root.join("../fuzz/seeds/etherparse"))? {
        frames.push(fs::read(entry?.path())?);
    }
    let capture = fs::File::open(root.join("tests/captures/mixed.pcap"))?;
    for_each_captured(capture, |packet| frames.push(packet.octets.to_vec()))?;
    Ok(frames)
}

#[test]
fn kernel_and_process_agree_on_every_kind_of_frame_cut_anywhere() {
    if lab(64).is_none() {
        return;
    }
    // A CPU has counters of its own in a flow, each with a first packet.
    let mut cpu = rustix::thread::CpuSet::new();
    cpu.set(rustix::thread::sched_getcpu());
    rustix::thread::sched_setaffinity(None, &cpu).unwrap();
    let mut differential = Differential::open(4096).unwrap();
    let frames = frames().unwrap();
    assert!(frames.len() > 40);
    let [mut taken, mut refused] = [0, 0];
    for frame in &frames {
        for length in 1..=frame.len() {
            match differential.frame(&frame[..length]) {
                Ok(None) => taken += 1,
                Ok(Some(difference)) => panic!("{length} octets of {frame:02x?}\n{difference}"),
                // A test run wants an Ethernet header, and a whole IP header where that one announces it.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && length < 54 => {
                    refused += 1;
                }
                Err(error) => panic!("{length} octets of {frame:02x?}: {error}"),
            }
        }
        if let Some(difference) = differential.finish().unwrap() {
            panic!("{frame:02x?}\n{difference}");
        }
    }
    assert!(taken > refused, "{taken} taken, {refused} refused");
    // All in a row: connections that go on and end.
    for frame in frames.iter().filter(|frame| frame.len() >= 54) {
        assert!(differential.frame(frame).unwrap().is_none());
    }
    assert!(differential.finish().unwrap().is_none());
    // The same ports again, with the same number and with others.
    let near = |flags, number| numbered(tcp(client(), server(), flags, 0), number);
    let far = |flags, number| numbered(tcp(server(), client(), flags, 0), number);
    for number in [1, 1, 2, 3, 3] {
        for frame in [near(SYN, number), far(SYN | ACK, number), far(SYN, 9)] {
            assert!(differential.frame(&frame).unwrap().is_none());
        }
    }
    assert!(differential.finish().unwrap().is_none());
}
