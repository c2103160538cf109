//! Counts that are right and not what was expected.

use std::time::Duration;

use super::{Symptom, row};
use crate::support::{
    frame,
    host::{Host, Pair},
    traffic::Injector,
    wait::until_true,
    watch::{Watch, on},
};

pub(super) const ROWS: &[Symptom] = &[
    row(
        "`table_full` in the statistics",
        "symptom_table_full",
        a_full_table,
    ),
    row(
        "a flow's bytes add up to too much",
        "symptom_totals_added",
        totals_added_up,
    ),
    row("every flow twice", "symptom_twice", both_ends_watched),
];

fn a_full_table() -> String {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").max_flows(10));
    let injector = Injector::new(&pair.near, "v0");
    for number in 0..30 {
        injector.send(&frame::numbered(number));
    }
    until_true("all flows", || watch.stats().flows_open == 10);
    let said = watch.stats().to_string();
    assert!(
        said.contains("room for 10;") && said.contains("20 table_full"),
        "{said}"
    );
    watch.finish();
    said
}

/// What the records repeat is no more packets: the differences are what the ledger has.
fn totals_added_up() -> String {
    let pair = Pair::new();
    let options = on("v0").active_timeout(Duration::from_millis(100));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.near, "v0");
    while watch.flows.len() < 2 {
        injector.send(&frame::numbered(1));
        watch.take_for(Duration::from_millis(10));
    }
    let outcome = watch.finish();
    let sum = |of: fn(&mermin_core::Flow) -> u64| outcome.flows.iter().map(of).sum::<u64>();
    assert!(sum(|flow| flow.forward.packets.total) > outcome.packets);
    assert_eq!(sum(|flow| flow.forward.packets.delta), outcome.packets);
    String::new()
}

/// Of one link; with one of them there is one.
fn both_ends_watched() -> String {
    let flows = |patterns: &[&str]| {
        let host = Host::new();
        host.set("ipv6/conf/default/disable_ipv6", "1");
        host.shell("ip link add a0 up type veth peer name a1");
        host.shell("ip link set a1 up");
        let watch = Watch::open(&host, on("a0").interfaces(patterns.iter().copied()));
        Injector::new(&host, "a0").send(&frame::numbered(1));
        let wanted = patterns.len() as u64;
        until_true("the packet", || watch.stats().packets == wanted);
        watch.finish().flows
    };
    let twice = flows(&["a0", "a1"]);
    assert_eq!(twice.len(), 2, "{twice:#?}");
    assert_eq!(twice[0].source, twice[1].source);
    assert_ne!(twice[0].interface.name, twice[1].interface.name);
    assert_eq!(flows(&["a0"]).len(), 1);
    String::new()
}
