//! A pinned source with TCP analysis: killed, and where the kernel refuses the analysis.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use mermin_core::{
    Attach, FlowSource, FlowSourceBuilder, Pinning,
    lab::{FailPoint, Fault, with_fault},
    report::Feature,
};

use super::{
    child::{Message, Orders, Referee},
    instance_name, pins,
};
use crate::support::{
    frame::{self, ACK, IPV4, tcp_segment},
    host::Pair,
    object::without_clock,
    traffic::{Injector, address},
    wait::{LONGEST, until_true},
    watch::{Watch, on, shut, try_open},
};

crate::cases! {
    each_mode killed_with_tcp_analysis,
    case refused_analysis_stays_off_and_flows_go_on,
    case payloads_lost_before_a_restart_are_not_counted_again,
}

const FLOWS: u16 = 40;

/// A segment of a flow, and the same again.
fn pair_of_segments(flow: u16, round: u32) -> [Vec<u8>; 2] {
    let source = SocketAddr::from(([10, 1, 0, 1], 1024 + flow));
    let packet = tcp_segment(
        [source, address("10.0.0.2:80")],
        ACK,
        round * 100,
        &[0; 100],
    );
    let frame = frame::ethernet(IPV4, &packet);
    [frame.clone(), frame]
}

/// Every second segment is sent again, and each is reported once, whoever is killed where.
fn killed_with_tcp_analysis(mode: Attach) {
    let pair = Pair::new();
    let orders = Orders {
        analyses: true,
        ..Orders::new(&pair.near, "v0", &instance_name(), mode)
    };
    let mut referee = Referee::default();
    let mut process = orders.start();
    referee.openings.push(process.opened());
    let stop = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let injector = Injector::new(&pair.near, "v0");
    let load = thread::spawn({
        let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
        move || {
            for round in 0.. {
                for flow in 0..FLOWS {
                    for frame in pair_of_segments(flow, round) {
                        injector.send(&frame);
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    thread::sleep(Duration::from_millis(150));
    process.kill();
    referee.hear(process.rest());
    for point in [
        FailPoint::Noted,
        FailPoint::Offered,
        FailPoint::Connected,
        FailPoint::Noted,
    ] {
        let passes = if point == FailPoint::Connected { 0 } else { 20 };
        let killed = Orders {
            end: Some((point, passes)),
            ..orders.clone()
        };
        let mut process = killed.start();
        assert!(process.dies_within(LONGEST), "never came by {point:?}");
        referee.hear(process.rest());
    }
    let mut process = orders.start();
    referee.hear([Message::Opened(process.opened())]);
    stop.store(true, Ordering::Relaxed);
    load.join().unwrap();
    process.close();
    referee.hear(process.rest());
    assert!(referee.ended);
    referee.check_sequences();
    let packets: u64 = referee.sums().values().map(|sum| sum[0]).sum();
    let sent = sent.load(Ordering::Relaxed);
    assert_eq!((packets, referee.retransmissions()), (2 * sent, sent));
    assert!(!pins(&orders.instance).exists());
}

fn features(source: &FlowSource) -> Vec<Feature> {
    let rows = source.report().degradations;
    rows.iter().map(|row| row.feature).collect()
}

/// The first process has a program that the kernel refuses once TCP is analysed; the second one has no such program, and goes on with the
/// flows as they are.
fn refused_analysis_stays_off_and_flows_go_on() {
    let pair = Pair::new();
    let instance = instance_name();
    let on = on("v0").tcp_analysis(true);
    let options = on
        .clone()
        .pinning(Pinning::instance(&instance).persist(true));
    let refused = with_fault(options.clone(), Fault::Object(without_clock("mermin_tcp")));
    let open = |options: &FlowSourceBuilder| try_open(&pair.near, options.clone()).unwrap();
    let injector = Injector::new(&pair.near, "v0");
    let mut round = 0;
    let mut send = || {
        for frame in pair_of_segments(1, round) {
            injector.send(&frame);
        }
        round += 1;
    };
    let source = open(&refused);
    assert_eq!(features(&source), [Feature::TcpAnalysis]);
    send();
    shut(source);
    for _ in 0..2 {
        let source = open(&options);
        assert_eq!(features(&source), [Feature::TcpAnalysis]);
        assert_eq!(source.report().taken_over.unwrap().flows, 1);
        send();
        shut(source);
    }
    // Without `persist`, nothing is left.
    let source = open(&on.pinning(Pinning::instance(&instance)));
    let outcome = Watch::new(source).finish();
    assert_eq!((outcome.flows.len(), outcome.packets), (1, 6));
    assert_eq!(outcome.flows[0].tcp_analysis, None);
}

/// Returns a frame of a flow of its own, with a payload that names are read from.
pub(super) fn request(port: u16) -> Vec<u8> {
    let ends = [
        SocketAddr::from(([10, 9, 0, 1], port)),
        address("10.0.0.1:80"),
    ];
    let request = [b"GET / HTTP/1.1\r\n".as_slice(), &[b'a'; 100]].concat();
    frame::ethernet(IPV4, &tcp_segment(ends, ACK, 1, &request))
}

/// The counter lies in the pinned maps, and is of all processes.
fn payloads_lost_before_a_restart_are_not_counted_again() {
    let pair = Pair::new();
    let instance = instance_name();
    let on = with_fault(on("v0").names(true), Fault::SectionRing(4096));
    let injector = Injector::new(&pair.far, "v1");
    let send = |flows: std::ops::Range<u16>| flows.for_each(|port| injector.send(&request(port)));
    let pinning = Pinning::instance(&instance).persist(true);
    let first = try_open(&pair.near, on.clone().pinning(pinning)).unwrap();
    send(1..2000);
    let handle = first.handle();
    until_true("payloads to be lost", || handle.stats().payloads.lost != 0);
    shut(first);
    let second = try_open(&pair.near, on.pinning(Pinning::instance(&instance))).unwrap();
    assert_eq!(second.report().taken_over.unwrap().flows, 1999);
    send(3000..3001);
    let mut watch = Watch::new(second);
    watch.take_for(Duration::from_millis(300));
    let payloads = watch.finish().stats.payloads;
    assert_eq!((payloads.read, payloads.lost), (1, 0), "{payloads:?}");
}
