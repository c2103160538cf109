//! A pinned source with TCP analysis and values of sockets: killed, and where the kernel refuses either.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSource, FlowSourceBuilder, Pinning,
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
    object::{without_clock, without_sockets},
    traffic::{Injector, address},
    wait::{LONGEST, until_true},
    watch::{Watch, on, shut, try_open},
};

crate::cases! {
    each_mode killed_with_tcp_analysis,
    case refused_analysis_stays_off_and_flows_go_on,
    case refused_values_of_sockets_stay_off_and_flows_go_on,
    each_mode values_of_sockets_survive_a_kill,
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
    let object = without_clock("mermin_tcp");
    let flow = refused_option_stays_off(object, [true, false], &[Feature::TcpAnalysis]);
    assert_eq!(flow.tcp_analysis, None);
    // The values of sockets stay, whatever else is refused.
    let flow = refused_option_stays_off(object, [true, true], &[Feature::TcpAnalysis]);
    assert_eq!(flow.tcp_analysis, None);
}

/// As above, of the values of sockets; the analysis of TCP stays on.
fn refused_values_of_sockets_stay_off_and_flows_go_on() {
    let object = without_sockets("mermin_create");
    refused_option_stays_off(object, [false, true], &[Feature::TcpSockets]);
    let flow = refused_option_stays_off(object, [true, true], &[Feature::TcpSockets]);
    let analysis = flow.tcp_analysis.unwrap();
    assert_eq!(analysis.forward.retransmissions, 3);
}

/// Opens with an object that the kernel refuses with these options, then three times with one that it takes. Returns the flow that all have.
fn refused_option_stays_off(
    object: &'static [u8],
    [analyses, sockets]: [bool; 2],
    expected: &[Feature],
) -> Flow {
    let pair = Pair::new();
    let instance = instance_name();
    let on = on("v0").tcp_analysis(analyses).tcp_sockets(sockets);
    let options = on
        .clone()
        .pinning(Pinning::instance(&instance).persist(true));
    let refused = with_fault(options.clone(), Fault::Object(object));
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
    assert_eq!(features(&source), expected);
    send();
    shut(source);
    for _ in 0..2 {
        let source = open(&options);
        assert_eq!(features(&source), expected);
        let cause = &source.report().degradations[0].cause;
        assert!(cause.contains("when the instance was made"), "{cause}");
        assert_eq!(source.report().recovered.unwrap().flows, 1);
        send();
        shut(source);
    }
    // Without `persist`, nothing is left.
    let source = open(&on.pinning(Pinning::instance(&instance)));
    let mut outcome = Watch::new(source).finish();
    assert_eq!((outcome.flows.len(), outcome.packets), (1, 6));
    assert!(!pins(&instance).exists());
    outcome.flows.remove(0)
}

/// The values lie in a pinned map: the next process has those of a socket that has sent nothing since. So has one that the source is
/// passed to.
fn values_of_sockets_survive_a_kill(mode: Attach) {
    values_of_sockets_survive(mode, false);
    if mode == Attach::Tcx {
        values_of_sockets_survive(mode, true);
    }
}

fn values_of_sockets_survive(mode: Attach, passes: bool) {
    let pair = Pair::new();
    let orders = Orders {
        reads_sockets: true,
        passes,
        timeouts: [600_000; 2],
        ..Orders::new(&pair.near, "v0", &instance_name(), mode)
    };
    let mut process = orders.start();
    assert_eq!(process.opened().report, "");
    let at = address("10.0.0.2:8080");
    let listener = pair.far.run(|| TcpListener::bind(at).unwrap());
    let mut client = pair.near.run(|| TcpStream::connect(at).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    let shown = pair.near.shell("ss -tinH dport = 8080");
    client.write_all(&[1; 1000]).unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    process.kill();
    process.rest();
    let mut process = orders.start();
    let opened = process.opened();
    assert_eq!((opened.flows, &*opened.report), (1, ""));
    process.close();
    let mut referee = Referee::default();
    referee.hear(process.rest());
    let [window] = referee.congestion_windows()[..] else {
        panic!("one record");
    };
    if passes {
        Pinning::instance(&orders.instance).remove().unwrap();
    }
    assert!(
        shown.contains(&format!("cwnd:{window} ")),
        "{window} {shown}"
    );
    drop((client, server));
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
    assert_eq!(second.report().recovered.unwrap().flows, 1999);
    send(3000..3001);
    let mut watch = Watch::new(second);
    watch.take_for(Duration::from_millis(300));
    let payloads = watch.finish().stats.payloads;
    assert_eq!((payloads.read, payloads.lost), (1, 0), "{payloads:?}");
}
