//! New options for a running source: nothing is lost or split, and options that cannot change are named.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use mermin_core::{
    Attach, ErrorKind, Flow, NetNs, Setting,
    filter::{Filter, Rule},
    flow::EndReason,
    report::Feature,
};

use super::support::{
    host::Pair,
    process, raw,
    traffic::{Busy, address, udp_socket},
    wait::{LONGEST, until_true, within},
    watch::{Watch, applied, change, on},
};

crate::cases! {
    case timeouts_change_live,
    case open_flows_keep_what_a_filter_decided,
    case settings_that_need_a_restart_are_named,
    case invalid_reconfiguration_changes_nothing,
    case ending_source_answers_requests,
    case failed_detach_is_reported,
    each_mode interfaces_change_live,
    each_mode hundred_changes_under_load_lose_nothing,
}

const STUCK: &str = "failed_detach_is_reported";

/// The kernel refuses further requests: the filters stay, their packets stay in the ledger, and the report says so.
fn failed_detach_is_reported() {
    process::alone(STUCK, || {
        let pair = Pair::new();
        pair.join(1);
        let both = on("v0").interfaces(["v0", "v2"]);
        let watch = Watch::open(&pair.near, both.attach(Attach::Tc));
        raw::deny_to_all(libc::SYS_sendto).unwrap();
        let one = on("v0").attach(Attach::Tc);
        assert_eq!(applied(&watch.handle, one), [Setting::Interfaces]);
        let report = watch.handle.report();
        let causes: Vec<&str> = report
            .degradations
            .iter()
            .filter(|said| said.feature == Feature::Hook && said.interface.as_deref() == Some("v2"))
            .map(|said| &*said.cause)
            .collect();
        assert_eq!(
            causes,
            ["ingress", "egress"].map(|hook| format!(
                "cannot remove the filter from the {hook} of `v2`: Operation not permitted (os error 1)"
            )),
            "{report}"
        );
        let found = watch.stats().interfaces;
        assert_eq!((found.watched, found.detached), (2, 0));
        // They cannot be removed at the end either; the future of `shutdown` returns that.
        let error = within(LONGEST, watch.source.shutdown()).unwrap();
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "cannot remove the filter from the ingress of `v0`"
        );
        let remedy = error.remedy().unwrap();
        assert!(remedy.contains("tc filter del dev v0 ingress"), "{remedy}");
    });
}

/// A filter without datagrams to port 53.
fn without_53() -> Filter {
    let mut filter = Filter::default();
    filter.destination.port = Rule::not_matching(["53"]).unwrap();
    filter
}

/// A client whose datagrams are taken, and what takes them.
fn talk(pair: &Pair, near: u16, far: u16) -> (UdpSocket, UdpSocket) {
    let ends = [("10.0.0.1", near), ("10.0.0.2", far)];
    let [near, far] = ends.map(|(ip, port)| SocketAddr::new(ip.parse().unwrap(), port));
    (
        udp_socket(&pair.near, near, far),
        udp_socket(&pair.far, far, near),
    )
}

fn send(socket: &UdpSocket, datagrams: usize) {
    for _ in 0..datagrams {
        socket.send(&[0; 32]).unwrap();
    }
}

fn timeouts_change_live() {
    let pair = Pair::new();
    let options = on("v0");
    let mut watch = Watch::open(&pair.near, options.clone());
    let (client, _server) = talk(&pair, 4000, 53);
    send(&client, 3);
    watch.take_for(Duration::from_millis(400));
    assert!(watch.flows.is_empty());
    let shorter = options.active_timeout(Duration::from_millis(300));
    assert_eq!(applied(&watch.handle, shorter.clone()), [Setting::Timeouts]);
    watch.take_until("a record", |flows| !flows.is_empty());
    assert_eq!(watch.flows[0].end_reason, EndReason::ActiveTimeout);
    let shorter = shorter.udp_timeout(Duration::from_millis(300));
    assert_eq!(applied(&watch.handle, shorter.clone()), [Setting::Timeouts]);
    watch.take_until("the end", |flows| flows.len() == 2);
    assert_eq!(watch.flows[1].end_reason, EndReason::IdleTimeout);
    assert_eq!(watch.flows[0].id, watch.flows[1].id);
    // The same again is no change.
    assert_eq!(applied(&watch.handle, shorter), []);
    watch.finish();
}

fn open_flows_keep_what_a_filter_decided() {
    let pair = Pair::new();
    let options = on("v0").active_timeout(Duration::from_millis(200));
    let mut watch = Watch::open(&pair.near, options.clone());
    let far = address("10.0.0.2:53");
    let _takes_it = pair.far.run(|| UdpSocket::bind(far).unwrap());
    let [early, late, last] =
        [1, 2, 3].map(|port| udp_socket(&pair.near, address(&format!("10.0.0.1:{port}")), far));
    send(&early, 5);
    // At once: no sweep has read the flow yet.
    let filtered = options.clone().filter(without_53());
    assert_eq!(applied(&watch.handle, filtered), [Setting::Filter]);
    send(&early, 5);
    send(&late, 7);
    assert_eq!(applied(&watch.handle, options), [Setting::Filter]);
    for _ in 0..5 {
        send(&early, 1);
        send(&late, 1);
        send(&last, 1);
        watch.take_for(Duration::from_millis(150));
    }
    let outcome = watch.finish_filtered();
    let told = |port| {
        let flows = outcome.flows.iter();
        let of: Vec<&Flow> = flows
            .filter(|flow| flow.source.port == Some(port))
            .collect();
        let ids: BTreeSet<u128> = of.iter().map(|flow| flow.id.to_u128()).collect();
        let packets = of.iter().map(|flow| flow.forward.packets.delta);
        (ids.len(), packets.sum::<u64>())
    };
    assert_eq!(told(1), (1, 15));
    assert_eq!(told(2), (0, 0));
    assert_eq!(told(3), (1, 5));
    assert_eq!(outcome.ignored("filtered"), 12);
    assert_eq!(outcome.flows_ended, 3);
}

fn interfaces_change_live(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    let options = on("v0").attach(mode);
    let mut watch = Watch::open(&pair.near, options.clone());
    let (client, _server) = talk(&pair, 4000, 53);
    let [near, far] = ["10.0.1.1:4000", "10.0.1.2:53"].map(address);
    let other = udp_socket(&pair.near, near, far);
    let _takes_it = udp_socket(&pair.far, far, near);
    let both = |client: &UdpSocket| {
        send(client, 10);
        send(&other, 10);
    };
    both(&client);
    assert_eq!(
        applied(&watch.handle, options.clone().interfaces(["v2"])),
        [Setting::Interfaces]
    );
    let report = watch.handle.report();
    let watched: Vec<&str> = report.interfaces.iter().map(|at| &*at.name).collect();
    assert_eq!(watched, ["v2"]);
    both(&client);
    watch.take_until("the end of the first flow", |flows| flows.len() == 1);
    assert_eq!(
        applied(&watch.handle, options.interfaces(["v*"])),
        [Setting::Interfaces]
    );
    assert_eq!(watch.handle.report().interfaces.len(), 2);
    both(&client);
    let outcome = watch.finish();
    let told: Vec<(&str, u64, EndReason)> = outcome
        .flows
        .iter()
        .map(|flow| {
            let packets = flow.forward.packets.delta;
            (&*flow.interface.name, packets, flow.end_reason)
        })
        .collect();
    assert_eq!(told[0], ("v0", 10, EndReason::ForcedEnd));
    assert!(told[1..].contains(&("v0", 10, EndReason::ForcedEnd)));
    assert!(told[1..].contains(&("v2", 20, EndReason::ForcedEnd)));
    assert_eq!(told.len(), 3);
}

fn settings_that_need_a_restart_are_named() {
    let pair = Pair::new();
    let options = on("v0").attach(Attach::Tcx);
    let watch = Watch::open(&pair.near, options.clone());
    let other = options
        .clone()
        .attach(Attach::Tc)
        .netns(NetNs::Host)
        .max_flows(8192)
        .strict(true)
        .udp_timeout(Duration::from_secs(1));
    for applied in [vec![Setting::Timeouts], vec![]] {
        let changed = change(&watch.handle, other.clone()).unwrap();
        assert_eq!(changed.applied, applied);
        let named: Vec<String> = changed
            .needs_restart
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(named, ["attach", "netns", "max_flows", "strict"]);
    }
    assert_eq!(watch.stats().flows_capacity, 4096);
    assert_eq!(applied(&watch.handle, options), [Setting::Timeouts]);
    watch.finish();
}

fn invalid_reconfiguration_changes_nothing() {
    let pair = Pair::new();
    let options = on("v0");
    let watch = Watch::open(&pair.near, options.clone());
    let (client, _server) = talk(&pair, 4000, 53);
    let missing = options.clone().interfaces(["nope"]).filter(without_53());
    let error = change(&watch.handle, missing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoInterface);
    let invalid = options.clone().udp_timeout(Duration::ZERO);
    let error = change(&watch.handle, invalid).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOption);
    let file = options.clone().pcap("/dev/null");
    let error = change(&watch.handle, file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOption);
    assert_eq!(applied(&watch.handle, options), []);
    send(&client, 3);
    let outcome = watch.finish();
    assert_eq!((outcome.flows.len(), outcome.all_ignored()), (1, 0));
}

fn ending_source_answers_requests() {
    let pair = Pair::new();
    let options = on("v0");
    let mut watch = Watch::open(&pair.near, options.clone());
    let handle = watch.handle.clone();
    watch.source.close();
    let shorter = options.clone().udp_timeout(Duration::from_secs(1));
    // Just before the end, or after it.
    if let Err(error) = change(&handle, shorter.clone()) {
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.remedy().is_some());
    }
    watch.finish();
    let error = change(&handle, shorter.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let watch = Watch::open(&pair.near, options);
    let handle = watch.handle.clone();
    drop(watch);
    assert_eq!(
        change(&handle, shorter).unwrap_err().kind(),
        ErrorKind::Closed
    );
}

const PORTS: std::ops::Range<u16> = 40_000..40_008;

/// Sockets of one link, and what takes their datagrams.
fn sockets(pair: &Pair, link: u8) -> (Vec<UdpSocket>, UdpSocket) {
    let far = address(&format!("10.0.{link}.2:53"));
    let own = |port| address(&format!("10.0.{link}.1:{port}"));
    let sockets = PORTS
        .map(|port| udp_socket(&pair.near, own(port), far))
        .collect();
    (sockets, pair.far.run(|| UdpSocket::bind(far).unwrap()))
}

/// The same flows on two links, without a pause and from both CPUs; one link is watched all the time, the other now and then.
fn hundred_changes_under_load_lose_nothing(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    let options = on("v0").attach(mode);
    let mut watch = Watch::open(&pair.near, options.clone());
    let (always, _always) = sockets(&pair, 0);
    let (sometimes, _sometimes) = sockets(&pair, 1);
    let sockets: Arc<Vec<UdpSocket>> = Arc::new(always.into_iter().chain(sometimes).collect());
    let mut busy = Busy::start(|_| {
        let sockets = Arc::clone(&sockets);
        move |_| {
            for socket in &*sockets {
                socket.send(&[1; 32]).unwrap();
            }
            sockets.len() as u64 / 2
        }
    });
    until_true("all flows", || watch.stats().flows_open == 8);
    for number in 0..100_u64 {
        let interfaces = if number % 2 == 0 { "v[02]" } else { "v0" };
        let mut filter = Filter::default();
        // The filter must not apply to open flows; every other filter rejects all flows of v2.
        if number % 4 == 0 {
            filter.network.interface_name = Rule::not_matching(["v*"]).unwrap();
        }
        filter.flow.ip_ttl = Rule::not_matching([format!("{}", number % 50)]).unwrap();
        let options = options
            .clone()
            .interfaces([interfaces])
            .filter(filter)
            .active_timeout(Duration::from_millis(100 + number));
        let changing = watch.handle.reconfigure(options);
        // A consumer that goes on taking meanwhile.
        let changed = {
            let taking = async {
                while let Some(flow) = watch.source.next().await {
                    watch.flows.push(flow.unwrap());
                }
            };
            let both = futures::future::select(Box::pin(changing), Box::pin(taking));
            match within(LONGEST, both).expect("an answer comes") {
                futures::future::Either::Left((changed, _)) => changed.unwrap(),
                futures::future::Either::Right(_) => panic!("the stream goes on"),
            }
        };
        assert!(changed.applied.contains(&Setting::Filter), "{changed:?}");
        watch.take_for(Duration::from_millis(number % 30));
    }
    busy.stop();
    while !busy.is_over() {
        watch.take_for(Duration::from_millis(1));
    }
    let sent = busy.sent();
    let outcome = watch.finish_filtered();
    let mut flows: BTreeMap<(&str, Option<u16>), BTreeSet<u128>> = BTreeMap::new();
    let mut told = 0;
    for flow in &outcome.flows {
        let name = &*flow.interface.name;
        flows
            .entry((name, flow.source.port))
            .or_default()
            .insert(flow.id.to_u128());
        if name == "v0" {
            told += flow.forward.packets.delta;
        }
    }
    // The flows of the link that was always watched are the ones they were, to the last packet.
    assert_eq!(told, sent, "{:#?}", outcome.stats);
    for port in PORTS {
        assert_eq!(flows[&("v0", Some(port))].len(), 1);
        assert!(flows[&("v2", Some(port))].len() > 5, "{flows:?}");
    }
    // Flows of the other one ended each time it was removed, and half of the times the filter rejected them.
    let last = |flow: &&Flow| &*flow.interface.name == "v2" && !flow.end_reason.goes_on();
    let ends = outcome.flows.iter().filter(last);
    assert!(
        ends.clone()
            .all(|flow| flow.end_reason == EndReason::ForcedEnd)
    );
    assert!(outcome.ignored("filtered") > 0);
    assert_eq!(outcome.all_ignored(), outcome.ignored("filtered"));
    assert!(
        outcome.stats.interfaces.detached > 20,
        "{:#?}",
        outcome.stats
    );
}
