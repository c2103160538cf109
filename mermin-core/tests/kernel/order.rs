//! Other programs at the same hook: the first one sees packets before the others act on them, and none harms another.

use std::{os::fd::OwnedFd, time::Duration};

use mermin_core::{
    Attach, FlowSourceBuilder, TcxOrder,
    report::{Feature, HookPosition},
};

use crate::support::{
    attached, frame,
    host::{FAR_MAC, NEAR_MAC, Pair},
    raw::{self, Deed},
    traffic::{Injector, address, udp_dialogue},
    wait::until_true,
    watch::{Watch, on, try_open},
};

const FRAMES: u64 = 30;
const PORT: u16 = 53;
const OTHER_PORT: u16 = 5353;

crate::cases! {
    by_tcx first_program_sees_packets_that_others_drop,
    by_tcx last_program_sees_packets_that_others_pass,
    by_tcx order_relative_to_a_named_program_holds,
    by_tcx order_relative_to_a_missing_program_is_degraded,
    case earlier_filter_sees_packets_that_a_later_one_consumes,
    case later_filter_misses_packets_that_an_earlier_one_consumes,
    case filter_beside_one_that_passes_or_drops_counts,
    case foreign_filter_at_our_priority_is_named,
    case existing_ingress_qdisc_is_reported,
    case other_user_of_clsact_detaches,
}

/// A foreign program at the ingress of `v0`, behind all others.
fn other(pair: &Pair, deed: Deed) -> (OwnedFd, OwnedFd) {
    let index = pair.near.index("v0");
    pair.near.run(|| {
        let program = raw::load("other", deed).unwrap();
        let link = raw::attach_tcx(&program, index).unwrap();
        (program, link)
    })
}

/// Datagrams to `v0`, injected as frames, so no receiver is needed.
fn send(pair: &Pair) {
    let injector = Injector::new(&pair.far, "v1");
    let mut frame = Vec::new();
    frame.extend(NEAR_MAC);
    frame.extend(FAR_MAC);
    frame.extend([
        8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
    ]);
    frame.extend([0x9c, 0x40]);
    frame.extend(PORT.to_be_bytes());
    frame.extend([0, 12, 0, 0, 1, 2, 3, 4]);
    for _ in 0..FRAMES {
        injector.send(&frame);
    }
}

fn tcx(order: TcxOrder) -> FlowSourceBuilder {
    on("v0").attach(Attach::Tcx).tcx_order(order)
}

/// Names at the TCX ingress, as the report has them.
fn at_ingress(watch: &Watch) -> Vec<String> {
    let report = watch.handle.report();
    let ingress = report.interfaces[0].ingress.clone().unwrap();
    let by_tcx = ingress.programs.into_iter();
    by_tcx
        .filter(|at| matches!(at.position, HookPosition::Tcx { .. }))
        .map(|at| at.name.unwrap())
        .collect()
}

/// Packets that were counted, and the port they went to.
fn counted(watch: Watch) -> (u64, Option<u16>) {
    let outcome = watch.finish();
    let port = outcome.flows.first().and_then(|flow| flow.destination.port);
    assert!(outcome.flows.len() <= 1, "{:#?}", outcome.flows);
    (outcome.packets, port)
}

fn first_program_sees_packets_that_others_drop() {
    for deed in [Deed::Pass, Deed::Drop, Deed::Rewrite(OTHER_PORT)] {
        let pair = Pair::new();
        let early = other(&pair, deed);
        let watch = Watch::open(&pair.near, tcx(TcxOrder::First));
        assert_eq!(at_ingress(&watch), ["mermin_ingress", "other"]);
        drop(early);
        let _late = other(&pair, deed);
        send(&pair);
        assert_eq!(counted(watch), (FRAMES, Some(PORT)), "{deed:?}");
    }
}

fn last_program_sees_packets_that_others_pass() {
    for (deed, expected) in [
        (Deed::Pass, (FRAMES, Some(PORT))),
        (Deed::Rewrite(OTHER_PORT), (FRAMES, Some(OTHER_PORT))),
    ] {
        let pair = Pair::new();
        let _other = other(&pair, deed);
        let watch = Watch::open(&pair.near, tcx(TcxOrder::Last));
        assert_eq!(at_ingress(&watch), ["other", "mermin_ingress"]);
        send(&pair);
        assert_eq!(counted(watch), expected, "{deed:?}");
    }
    // Packets that never come are missed, and that is reported, once the interface's own counters have been compared twice.
    let pair = Pair::new();
    let _other = other(&pair, Deed::Drop);
    let watch = Watch::open(&pair.near, tcx(TcxOrder::Last));
    until_true("word of what is kept from the program", || {
        send(&pair);
        std::thread::sleep(Duration::from_millis(50));
        let report = watch.handle.report();
        report.degradations.iter().any(|said| {
            said.feature == Feature::Traffic
                && said
                    .cause
                    .ends_with("packets, and none came to the program at the ingress")
        })
    });
    assert_eq!(counted(watch), (0, None));
}

fn order_relative_to_a_named_program_holds() {
    for (order, expected, deed, seen) in [
        (
            TcxOrder::Before("other".to_owned()),
            ["third", "mermin_ingress", "other"],
            Deed::Drop,
            (FRAMES, Some(PORT)),
        ),
        (
            TcxOrder::After("third".to_owned()),
            ["third", "mermin_ingress", "other"],
            Deed::Drop,
            (FRAMES, Some(PORT)),
        ),
        (
            TcxOrder::After("other".to_owned()),
            ["third", "other", "mermin_ingress"],
            Deed::Rewrite(OTHER_PORT),
            (FRAMES, Some(OTHER_PORT)),
        ),
    ] {
        let pair = Pair::new();
        let index = pair.near.index("v0");
        let _third = pair.near.run(|| {
            let program = raw::load("third", Deed::Pass).unwrap();
            raw::attach_tcx(&program, index).unwrap()
        });
        let _other = other(&pair, deed);
        let watch = Watch::open(&pair.near, tcx(order));
        assert_eq!(at_ingress(&watch), expected);
        send(&pair);
        assert_eq!(counted(watch), seen);
    }
}

fn order_relative_to_a_missing_program_is_degraded() {
    let pair = Pair::new();
    let source = try_open(&pair.near, tcx(TcxOrder::After("other".to_owned()))).unwrap();
    let report = source.report();
    assert_eq!(report.degradations.len(), 1, "{report}");
    assert_eq!(report.degradations[0].feature, Feature::TcxOrder);
    let said = report.to_string();
    assert!(
        said.contains("no program `other` is at the hooks"),
        "{said}"
    );
    let watch = Watch::new(source);
    // It comes, and stands behind: that is noticed.
    let _other = other(&pair, Deed::Pass);
    until_true("word of the wrong side", || {
        let said = watch.handle.report().to_string();
        said.contains("`other` was attached at ingress later, on the wrong side")
    });
    assert_eq!(at_ingress(&watch), ["mermin_ingress", "other"]);
    send(&pair);
    assert_eq!(counted(watch), (FRAMES, Some(PORT)));
}

fn by_priority(priority: u16) -> FlowSourceBuilder {
    on("v0").attach(Attach::Tc).tc_priority(priority)
}

/// Takes every packet away: loopback is down.
const TAKE: &str = "tc filter add dev v0 ingress pref 5 protocol all u32 match u32 0 0 \
    action mirred egress redirect dev lo";

fn earlier_filter_sees_packets_that_a_later_one_consumes() {
    let pair = Pair::new();
    pair.near.shell("tc qdisc add dev v0 clsact");
    pair.near.shell(TAKE);
    let watch = Watch::open(&pair.near, by_priority(4));
    let report = watch.handle.report();
    let ingress = report.interfaces[0].ingress.clone().unwrap();
    // A u32 filter is listed with its hash table.
    let mut kinds: Vec<String> = ingress.programs.into_iter().map(|at| at.kind).collect();
    kinds.dedup();
    assert_eq!(kinds, ["bpf", "u32"]);
    send(&pair);
    assert_eq!(counted(watch), (FRAMES, Some(PORT)));
    assert!(attached::at(&pair.near, "v0").contains("pref 5 u32"));
}

fn later_filter_misses_packets_that_an_earlier_one_consumes() {
    let pair = Pair::new();
    pair.near.shell("tc qdisc add dev v0 clsact");
    pair.near.shell(TAKE);
    let watch = Watch::open(&pair.near, by_priority(6));
    send(&pair);
    assert_eq!(counted(watch), (0, None));
    assert!(attached::at(&pair.near, "v0").contains("pref 5 u32"));
}

/// Another's program as a filter at priority 5, and ours before it and behind it.
fn filter_beside_one_that_passes_or_drops_counts() {
    for (deed, behind) in [
        (Deed::Pass, (FRAMES, Some(PORT))),
        (Deed::Rewrite(OTHER_PORT), (FRAMES, Some(OTHER_PORT))),
        (Deed::Drop, (0, None)),
    ] {
        for (priority, expected) in [(4, (FRAMES, Some(PORT))), (6, behind)] {
            let pair = Pair::new();
            let program = raw::load("other", deed).unwrap();
            let pin = format!("/sys/fs/bpf/mermin-test-{}", std::process::id());
            raw::pin(&program, &pin).unwrap();
            pair.near.shell("tc qdisc add dev v0 clsact");
            let added = std::panic::catch_unwind(|| {
                pair.near.shell(&format!(
                    "tc filter add dev v0 ingress pref 5 bpf direct-action object-pinned {pin}"
                ))
            });
            std::fs::remove_file(&pin).unwrap();
            added.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let watch = Watch::open(&pair.near, by_priority(priority));
            let report = watch.handle.report();
            let ingress = report.interfaces[0].ingress.clone().unwrap();
            // True for each that is ours.
            let mut places = [(priority, true), (5, false)];
            places.sort_unstable();
            let found: Vec<_> = ingress
                .programs
                .iter()
                .map(|at| match (at.position, at.name.as_deref()) {
                    (HookPosition::Tc { priority, .. }, Some(name)) => {
                        (priority, name.starts_with("mermin_ingress"))
                    }
                    _ => panic!("{at:?}"),
                })
                .collect();
            assert_eq!(found, places);
            send(&pair);
            assert_eq!(counted(watch), expected, "{deed:?} {priority}");
        }
    }
}

fn foreign_filter_at_our_priority_is_named() {
    let pair = Pair::new();
    pair.join(1);
    pair.near.shell("tc qdisc add dev v0 clsact");
    pair.near.shell(TAKE);
    pair.near.shell(&TAKE.replace("v0 ingress", "v0 egress"));
    let error = try_open(&pair.near, by_priority(5)).err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot attach by tc to the ingress of `v0` at priority 5: a `u32` filter has it"
    );
    let remedy = error.remedy().unwrap();
    assert!(
        remedy.contains("priority 6 is free (`tc_priority`)"),
        "{remedy}"
    );
    let left = attached::at(&pair.near, "v0");
    assert!(
        left.contains("pref 5 u32") && !left.contains("mermin"),
        "{left}"
    );
    // The other interfaces are watched all the same, unless that is not enough.
    let both = by_priority(5).interfaces(["v0", "v2"]);
    let strict = try_open(&pair.near, both.clone().strict(true));
    assert_eq!(strict.err().unwrap().to_string(), error.to_string());
    let watch = Watch::new(try_open(&pair.near, both).unwrap());
    let report = watch.handle.report();
    let watched: Vec<&str> = report.interfaces.iter().map(|at| &*at.name).collect();
    assert_eq!(watched, ["v2"]);
    let [said] = &report.degradations[..] else {
        panic!("{report}");
    };
    assert_eq!(
        (said.feature, said.interface.as_deref()),
        (Feature::Interface, Some("v0"))
    );
    assert!(said.cause.starts_with(&error.to_string()), "{said}");
    assert_eq!(said.remedy, remedy);
    Injector::new(&pair.near, "v2").send(&frame::numbered(1));
    assert_eq!(watch.finish().packets, 1);
}

fn existing_ingress_qdisc_is_reported() {
    let pair = Pair::new();
    pair.near.shell("tc qdisc add dev v0 ingress");
    let said = try_open(&pair.near, by_priority(1))
        .unwrap()
        .report()
        .to_string();
    assert!(
        said.contains("an `ingress` qdisc has the place of `clsact`"),
        "{said}"
    );
    // TCX needs no qdisc.
    let watch = Watch::open(&pair.near, on("v0"));
    send(&pair);
    assert_eq!(counted(watch), (FRAMES, Some(PORT)));
    assert!(attached::at(&pair.near, "v0").contains("qdisc ingress"));
}

/// The qdisc is another's; when that one takes it away, our filters are put on one of our own.
fn other_user_of_clsact_detaches() {
    let pair = Pair::new();
    pair.near.shell("tc qdisc add dev v0 clsact");
    let watch = Watch::open(&pair.near, by_priority(1));
    pair.near.shell("tc qdisc del dev v0 clsact");
    until_true("both put back", || watch.stats().interfaces.reattached == 2);
    let [near, far] = ["10.0.0.1:40000", "10.0.0.2:53"].map(address);
    udp_dialogue(&pair, [near, far], 10, [10, 20]);
    assert_eq!(watch.finish().packets, 20);
    assert_eq!(attached::at(&pair.near, "v0"), "");
}
