//! Correctness and cost of the statistics.

use std::{thread, time::Duration};

use mermin_core::{
    Attach,
    report::HookDirection::{Egress, Ingress},
};

use crate::support::{
    child_process::{ChildProcess, Task},
    frame,
    host::Pair,
    raw,
    traffic::{Injector, address, udp_dialogue},
    wait::until_true,
    watch::{Watch, on},
};

pub(crate) const TASKS: &[Task] = &[("read-statistics", read_without_calls)];

crate::cases! {
    case statistics_take_no_system_call,
    each_mode statistics_are_complete,
}

/// Ledger by hook, how full the table is, attachments, and how long sweeps and grace periods took.
fn statistics_are_complete(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").attach(mode).max_flows(100);
    let mut watch = Watch::open(&pair.near, options.udp_timeout(Duration::from_secs(2)));
    let [near, far] = ["10.0.0.1:40000", "10.0.0.2:53"].map(address);
    udp_dialogue(&pair, [near, far], 10, [10, 20]);
    let stats = watch.stats();
    assert_eq!((stats.flows_capacity, stats.packets), (100, 20));
    let hooks: Vec<_> = stats
        .hooks
        .iter()
        .filter(|hook| hook.index != 0)
        .map(|hook| (&*hook.interface, hook.direction, hook.traffic.packets))
        .collect();
    assert_eq!(hooks, [("v0", Ingress, 10), ("v0", Egress, 10)]);
    let octets: u64 = stats
        .hooks
        .iter()
        .map(|hook| hook.traffic.frame_octets)
        .sum();
    assert_eq!(octets, stats.frame_octets);
    let interfaces = stats.interfaces;
    assert_eq!((interfaces.watched, interfaces.attached), (1, 1));
    assert!(!interfaces.last_attach.is_zero(), "{stats:#?}");
    watch.take_until("the flow's end", |flows| {
        flows.iter().any(|flow| !flow.end_reason.goes_on())
    });
    until_true("the slot's return", || watch.stats().flows_open == 0);
    let stats = watch.stats();
    assert_eq!(stats.flows_ended, 1);
    assert!(
        stats.sweeps > 0 && !stats.last_sweep.is_zero(),
        "{stats:#?}"
    );
    assert!(
        stats.rcu_waits > 0 && !stats.last_rcu_wait.is_zero(),
        "{stats:#?}"
    );
    watch.finish();
}

/// Reads them in a thread that may do nothing but compute.
fn read_without_calls(interface: &str) -> String {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on(interface));
    let injector = Injector::new(&pair.near, interface);
    for number in 0..50 {
        injector.send(&frame::numbered(number));
    }
    until_true("all flows", || watch.stats().flows_open == 50);
    let handle = watch.handle.clone();
    let reader = thread::spawn(move || {
        raw::allow_memory_alone().unwrap();
        handle.stats()
    });
    let read = reader.join().unwrap();
    watch.finish();
    format!("{} {}", read.flows_open, read.packets)
}

fn statistics_take_no_system_call() {
    assert_eq!(ChildProcess::start("read-statistics v0").rest(), "50 50\n");
}
