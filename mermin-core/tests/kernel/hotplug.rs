//! Interfaces appear, disappear, are renamed and return, and every packet that crossed them while watched is counted.

use std::{fs::File, os::fd::AsRawFd, process::Command, time::Duration};

use futures::StreamExt as _;
use mermin_core::{
    Attach, Flow, FlowSource, Mechanism, Stats,
    flow::EndReason,
    lab::{Fault, with_fault},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{
    attached,
    frame::numbered,
    host::Pair,
    process,
    skip::skip,
    traffic::{Injector, address, udp_dialogue},
    wait::{LONGEST, until_true, within},
    watch::{Watch, on, try_open},
};

crate::cases! {
    each_mode added_interface_is_watched,
    each_mode source_without_an_interface_waits_for_one,
    each_mode reports_show_added_and_removed_interfaces,
    each_mode renamed_and_downed_interface_stays_watched,
    each_mode reused_name_is_another_interface,
    each_mode reused_index_is_another_interface,
    each_mode interface_removed_while_its_flows_close_loses_nothing,
    each_mode later_interfaces_are_ignored_without_hot_plug,
    each_mode lost_notifications_are_resynced,
    each_mode program_detached_from_outside_is_reattached,
    case no_descriptor_is_left,
    case interface_is_selected_by_an_alternative_name,
}

/// Waits until the source watches these interfaces and no others, and no flow of another is left.
fn watching(watch: &Watch, names: &[&str]) {
    until_true(&format!("{names:?}: {:#?}", watch.handle.report()), || {
        let report = watch.handle.report();
        let found: Vec<&str> = report.interfaces.iter().map(|at| &*at.name).collect();
        let both = report
            .interfaces
            .iter()
            .all(|at| at.ingress.is_some() && at.egress.is_some());
        found == names && both
    });
}

/// No task requests the report here, so each change must wake the waiting one.
fn reports_show_added_and_removed_interfaces(mode: Attach) {
    let pair = Pair::new();
    let source = try_open(&pair.near, on("v[02]").attach(mode)).unwrap();
    let mut reports = source.handle().reports();
    let mut follow = |wanted: &[&str]| {
        loop {
            let report = within(LONGEST, reports.next()).unwrap().unwrap();
            let found: Vec<&str> = report.interfaces.iter().map(|at| &*at.name).collect();
            if found == wanted {
                break;
            }
        }
    };
    follow(&["v0"]);
    pair.join(1);
    follow(&["v0", "v2"]);
    pair.near.shell("ip link del v2");
    follow(&["v0"]);
    drop(source);
    // The last one tells that nothing is watched any more, or nothing does.
    while within(LONGEST, reports.next()).unwrap().is_some() {}
}

/// Sends ten datagrams each way over the pair's link of this number.
fn talk(pair: &Pair, link: u32, port: u16) {
    let near = address(&format!("10.0.{link}.1:{port}"));
    let far = address(&format!("10.0.{link}.2:53"));
    udp_dialogue(pair, [near, far], 10, [10, 20]);
}

fn names(flows: &[Flow]) -> Vec<(&str, u64)> {
    let mut names: Vec<(&str, u64)> = flows
        .iter()
        .map(|flow| {
            let packets = flow.forward.packets.delta + flow.reverse.packets.delta;
            (&*flow.interface.name, packets)
        })
        .collect();
    names.sort_unstable();
    names
}

fn added_interface_is_watched(mode: Attach) {
    let pair = Pair::new();
    let options = FlowSource::builder()
        .max_flows(4096)
        .exclude(["v4"])
        .attach(mode);
    let watch = Watch::open(&pair.near, options);
    watching(&watch, &["v0"]);
    pair.join(1);
    pair.join(2);
    watching(&watch, &["v0", "v2"]);
    for link in 0..3 {
        talk(&pair, link, 40_000);
    }
    let Stats { interfaces, .. } = watch.stats();
    assert_eq!(
        (interfaces.watched, interfaces.attached, interfaces.missed),
        (2, 2, 0)
    );
    assert!(!interfaces.last_attach.is_zero());
    let outcome = watch.finish();
    assert_eq!(names(&outcome.flows), [("v0", 20), ("v2", 20)]);
    assert_eq!(outcome.packets, 40);
    assert_eq!(attached::at(&pair.near, "v2"), "");
}

/// A pattern that matches no interface yet is no error; the report names it.
fn source_without_an_interface_waits_for_one(mode: Attach) {
    let pair = Pair::new();
    let options = on("/v[24]/").fallback_to_all(false).attach(mode);
    let source = try_open(&pair.near, options.clone()).unwrap();
    let said = source.report().to_string();
    assert!(
        said.contains("`/v[24]/` matches no interface; nothing is watched until"),
        "{said}"
    );
    let watch = Watch::new(source);
    pair.join(1);
    watching(&watch, &["v2"]);
    until_true("nothing to complain about", || {
        watch.handle.report().to_string().is_empty()
    });
    talk(&pair, 1, 40_000);
    assert_eq!(names(&watch.finish().flows), [("v2", 20)]);
    // While nothing matches, all interfaces that are up are watched, and the report says so.
    pair.near.shell("ip link del v2");
    let source = try_open(&pair.near, options.fallback_to_all(true)).unwrap();
    let said = source.report().to_string();
    assert!(
        said.contains("all interfaces that are up are watched"),
        "{said}"
    );
    let watch = Watch::new(source);
    watching(&watch, &["v0"]);
    pair.join(1);
    watching(&watch, &["v2"]);
    assert_eq!(watch.handle.report().to_string(), "");
    watch.finish();
}

/// Renaming an interface and setting it down end no flow.
fn renamed_and_downed_interface_stays_watched(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(
        &pair.near,
        FlowSource::builder().max_flows(4096).attach(mode),
    );
    watching(&watch, &["v0"]);
    talk(&pair, 0, 40_000);
    pair.near.shell("ip link set v0 name eth9");
    watching(&watch, &["eth9"]);
    talk(&pair, 0, 40_001);
    pair.near.shell("ip link set eth9 down");
    pair.near.shell("ip link set eth9 up");
    let mac = "02:00:00:00:00:02";
    pair.near.shell(&format!(
        "ip neigh replace 10.0.0.2 lladdr {mac} dev eth9 nud permanent"
    ));
    talk(&pair, 0, 40_002);
    let stats = watch.stats();
    assert_eq!(
        (stats.interfaces.attached, stats.interfaces.detached),
        (1, 0)
    );
    assert_eq!(&*stats.hooks[0].interface, "eth9");
    let outcome = watch.finish();
    // A record has the name of its own time.
    assert_eq!(names(&outcome.flows), [("eth9", 20); 3]);
    assert_eq!(attached::at(&pair.near, "eth9"), "");
}

fn reused_name_is_another_interface(mode: Attach) {
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v0").attach(mode));
    talk(&pair, 0, 40_000);
    let first = pair.near.index("v0");
    pair.near.shell("ip link del v0");
    watch.take_until("its flow", |flows| !flows.is_empty());
    assert_eq!(watch.flows[0].end_reason, EndReason::ForcedEnd);
    pair.join(0);
    assert_ne!(pair.near.index("v0"), first);
    watching(&watch, &["v0"]);
    talk(&pair, 0, 40_000);
    until_true("the first one's end", || {
        watch.stats().interfaces.detached == 1
    });
    let outcome = watch.finish();
    assert_eq!(names(&outcome.flows), [("v0", 20); 2]);
    assert_ne!(outcome.flows[0].id, outcome.flows[1].id);
    // Counts of the first one are still in the sums.
    assert_eq!(outcome.stats.packets, 40);
    assert_eq!(outcome.stats.removed_interfaces.len(), 2);
}

/// The kernel reuses an index only on request. The old interface's flows must not continue in the new one.
fn reused_index_is_another_interface(mode: Attach) {
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v*").attach(mode));
    talk(&pair, 0, 40_000);
    let index = pair.near.index("v0");
    for round in 1..=3 {
        pair.near.shell("ip link del v0");
        pair.join_as(0, Some(index));
        assert_eq!(pair.near.index("v0"), index);
        until_true("the old one's end", || {
            watch.stats().interfaces.detached == round
        });
        watching(&watch, &["v0"]);
        talk(&pair, 0, 40_000);
        watch.take_until("the old one's flow", |flows| flows.len() as u64 == round);
    }
    let outcome = watch.finish();
    assert_eq!(names(&outcome.flows), [("v0", 20); 4]);
    for flow in &outcome.flows {
        assert_eq!((flow.end_reason, flow.sequence), (EndReason::ForcedEnd, 0));
    }
}

/// A consumer that takes nothing keeps flows in the table, also those of a removed interface.
fn interface_removed_while_its_flows_close_loses_nothing(mode: Attach) {
    let pair = Pair::new();
    let options = on("v*")
        .max_flows(20_000)
        .udp_timeout(Duration::from_millis(100));
    let watch = Watch::open(&pair.near, options.attach(mode));
    let injector = Injector::new(&pair.near, "v0");
    for flow in 0..15_000 {
        injector.send(&numbered(flow));
    }
    until_true("a queue that is full", || watch.stats().records > 3_000);
    pair.near.shell("ip link del v0");
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), 15_000);
    assert!(
        outcome
            .flows
            .iter()
            .all(|flow| &*flow.interface.name == "v0")
    );
}

fn later_interfaces_are_ignored_without_hot_plug(mode: Attach) {
    let pair = Pair::new();
    let options = on("v*").hot_plug(false).attach(mode);
    let mut watch = Watch::open(&pair.near, options);
    pair.join(1);
    talk(&pair, 1, 40_000);
    watch.take_for(Duration::from_millis(200));
    watching(&watch, &["v0"]);
    talk(&pair, 0, 40_000);
    pair.near.shell("ip link del v0");
    watch.take_until("its flow", |flows| !flows.is_empty());
    pair.join(0);
    watch.take_for(Duration::from_millis(200));
    watching(&watch, &[]);
    assert_eq!(names(&watch.finish().flows), [("v0", 20)]);
}

/// More notifications than fit: the list is read anew, and nothing is forgotten.
fn lost_notifications_are_resynced(mode: Attach) {
    let pair = Pair::new();
    let options = with_fault(on("/[vx].*/"), Fault::Notifications(1));
    let watch = Watch::open(&pair.near, options.attach(mode));
    let batch: Vec<String> = (0..40)
        .map(|n| format!("link add x{n} type veth peer name y{n}\n"))
        .collect();
    pair.near.batch(&batch.concat());
    let gone: Vec<String> = (0..20).map(|n| format!("link del x{n}\n")).collect();
    pair.near.batch(&gone.concat());
    until_true("20 more", || {
        let report = watch.handle.report();
        report.interfaces.len() == 21 && report.interfaces.iter().all(|at| at.egress.is_some())
    });
    let stats = watch.stats();
    assert!(stats.interfaces.resyncs > 0, "{:?}", stats.interfaces);
    talk(&pair, 0, 40_000);
    assert_eq!(names(&watch.finish().flows), [("v0", 20)]);
}

/// A program that another process detached is attached again, and the report names the other program if it can.
fn program_detached_from_outside_is_reattached(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    talk(&pair, 0, 40_000);
    match mode {
        Attach::Tcx => pair.near.detach_tcx("v0"),
        _ => _ = pair.near.shell("tc qdisc del dev v0 clsact"),
    }
    until_true("it was put back", || {
        watch.stats().interfaces.reattached >= 2
    });
    let report = watch.handle.report();
    assert_eq!(report.degradations.len(), 2, "{report}");
    let said = report.to_string();
    for direction in ["ingress", "egress"] {
        let said_of = format!("somebody else took the program away from the {direction}");
        assert!(said.contains(&said_of), "{said}");
    }
    talk(&pair, 0, 40_001);
    let outcome = watch.finish();
    assert_eq!(names(&outcome.flows), [("v0", 20); 2]);
    assert_eq!(attached::at(&pair.near, "v0"), "");
}

/// A TCX link takes a descriptor; without one, a filter counts.
fn no_descriptor_is_left() {
    process::alone("no_descriptor_is_left", || {
        let pair = Pair::new();
        let watch = Watch::open(&pair.near, on("/[vx]0/").attach(Attach::Auto));
        if watch.handle.report().interfaces[0]
            .ingress
            .as_ref()
            .unwrap()
            .mechanism
            != Mechanism::Tcx
        {
            skip("this kernel has no TCX");
        }
        let script = "sleep 0.3; ip link add x0 up type veth peer name x1";
        let mut later = pair
            .near
            .run(|| Command::new("sh").args(["-c", script]).spawn())
            .unwrap();
        let limit = getrlimit(Resource::Nofile);
        let lowest = File::open("/dev/null").unwrap().as_raw_fd();
        let none = Rlimit {
            current: Some(u64::try_from(lowest).unwrap()),
            ..limit
        };
        setrlimit(Resource::Nofile, none).unwrap();
        watching(&watch, &["v0", "x0"]);
        setrlimit(Resource::Nofile, limit).unwrap();
        assert!(later.wait().unwrap().success());
        let report = watch.handle.report();
        let mechanism = report.interfaces[1].egress.as_ref().unwrap().mechanism;
        assert_eq!(mechanism, Mechanism::Tc { priority: 1 });
        let said = report.to_string();
        assert!(
            said.contains("no file descriptor is left for a TCX link"),
            "{said}"
        );
        talk(&pair, 0, 40_000);
        assert_eq!(names(&watch.finish().flows), [("v0", 20)]);
        assert_eq!(attached::at(&pair.near, "x0"), "");
    });
}

/// An interface is meant by each of its names, also by one that it gets later.
fn interface_is_selected_by_an_alternative_name() {
    let pair = Pair::new();
    let long = "a-name-of-more-than-15-octets";
    pair.near
        .shell(&format!("ip link property add dev v0 altname {long}"));
    let options = on(long).interfaces([long, "late*"]);
    let source = try_open(&pair.near, options).unwrap();
    let said = source.report().to_string();
    assert!(said.contains("`late*` matches no interface"), "{said}");
    let watch = Watch::new(source);
    watching(&watch, &["v0"]);
    pair.join(1);
    pair.near.shell("ip link property add dev v2 altname later");
    watching(&watch, &["v0", "v2"]);
    talk(&pair, 0, 40_000);
    pair.near.shell("ip link property del dev v2 altname later");
    watching(&watch, &["v0"]);
    assert_eq!(names(&watch.finish().flows), [("v0", 20)]);
}
