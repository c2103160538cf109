//! The times of records: active and idle timeouts, and several sources on one interface.

use std::time::{Duration, SystemTime};

use mermin_core::{Attach, flow::EndReason};

use crate::support::{
    frame::numbered,
    host::Pair,
    traffic::{Injector, address, udp_dialogue, udp_socket},
    watch::{Watch, on},
};

crate::cases! {
    each_mode active_timeout_reports_a_long_flow,
    each_mode idle_timeout_ends_a_flow,
    each_mode two_sources_on_one_interface_count_alike,
    each_mode two_sources_on_two_interfaces_count_their_own,
}

/// The kernel counts last packets in ticks, of 10 ms at most.
const TICK: Duration = Duration::from_millis(10);

/// A busy flow has a record each interval, with what came in it.
fn active_timeout_reports_a_long_flow(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").attach(mode);
    let options = options.active_timeout(Duration::from_millis(200));
    let before = SystemTime::now();
    let mut watch = Watch::open(&pair.near, options);
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    let socket = udp_socket(&pair.near, near, far);
    let _receiver = udp_socket(&pair.far, far, near);
    let mut sent = 0;
    while watch.flows.len() < 4 {
        assert_eq!(socket.send(&[1; 72]).unwrap(), 72);
        sent += 1;
        watch.take_for(Duration::from_millis(5));
        assert!(sent < 10_000, "{:#?}", watch.flows);
    }
    let outcome = watch.finish();
    let after = SystemTime::now();
    let last = outcome.flows.last().unwrap();
    assert_eq!(last.end_reason, EndReason::ForcedEnd);
    assert_eq!(last.forward.packets.total, sent);
    assert_eq!(last.forward.octets.total, sent * 100);
    for (number, record) in outcome.flows.iter().enumerate() {
        assert_eq!(record.sequence, number as u64);
        assert_eq!(record.id, last.id);
        assert_eq!(record.start, last.start);
        // The last one may find that all packets were exported.
        assert!(record.forward.packets.delta > 0 || number + 1 == outcome.flows.len());
        assert!(
            record.start >= before && record.end <= after + TICK,
            "{record:#?}"
        );
    }
    // Where two records have the same last packet, its date may differ by what their references to the tick do.
    let mut ends = outcome.flows.iter().map(|record| record.end);
    let mut latest = ends.next().unwrap();
    for end in ends {
        assert!(end + TICK > latest, "{:#?}", outcome.flows);
        latest = latest.max(end);
    }
}

/// A quiet flow ends by itself, and a later packet begins another one.
fn idle_timeout_ends_a_flow(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").attach(mode);
    let mut watch = Watch::open(&pair.near, options.udp_timeout(Duration::from_millis(300)));
    let injector = Injector::new(&pair.near, "v0");
    for round in 1..=2 {
        for _ in 0..7 {
            injector.send(&numbered(0));
        }
        watch.take_until("the flow to end", |flows| flows.len() == round);
    }
    assert_eq!(watch.stats().flows_ended, 2);
    let outcome = watch.finish();
    let [first, second] = &outcome.flows[..] else {
        panic!("{:#?}", outcome.flows);
    };
    assert_ne!(first.id, second.id);
    for flow in [first, second] {
        assert_eq!(flow.end_reason, EndReason::IdleTimeout);
        assert_eq!((flow.sequence, flow.forward.packets.total), (0, 7));
    }
}

/// Each counts everything, also when the other comes and goes.
fn two_sources_on_one_interface_count_alike(mode: Attach) {
    let pair = Pair::new();
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    let talk = || udp_dialogue(&pair, [near, far], 20, [10, 20]);
    let first = Watch::open(&pair.near, on("v0").attach(mode));
    talk();
    let second = Watch::open(&pair.near, on("v0").attach(mode));
    talk();
    let first = first.finish();
    talk();
    let second = second.finish();
    talk();
    for outcome in [&first, &second] {
        assert_eq!(outcome.packets, 80);
        let flow = outcome.only(|_| true);
        assert_eq!(flow.forward.packets.total, 40);
        assert_eq!(flow.reverse.packets.total, 40);
    }
    assert_ne!(first.flows[0].id, second.flows[0].id);
}

fn two_sources_on_two_interfaces_count_their_own(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    let watches = ["v0", "v2"].map(|name| Watch::open(&pair.near, on(name).attach(mode)));
    for (net, datagrams) in [(0, 5), (1, 9)] {
        let near = address(&format!("10.0.{net}.1:40000"));
        let far = address(&format!("10.0.{net}.2:53"));
        udp_dialogue(&pair, [near, far], datagrams, [10, 20]);
    }
    for (watch, (name, datagrams)) in watches.into_iter().zip([("v0", 5), ("v2", 9)]) {
        let outcome = watch.finish();
        let flow = outcome.only(|_| true);
        assert_eq!(&*flow.interface.name, name);
        assert_eq!(flow.reverse.packets.total, datagrams);
        assert_eq!(outcome.packets, 2 * datagrams);
    }
}
