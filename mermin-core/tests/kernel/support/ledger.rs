//! The central check: each packet that crossed a hook is in one flow or under one reason.

use std::collections::HashMap;

pub(crate) use mermin_core::report::HookDirection::{self, Egress, Ingress};
use mermin_core::{
    Flow,
    flow::{Count, Uniflow},
};

use super::{host::Counters, watch::Outcome};

fn both(flow: &Flow, field: fn(&Uniflow) -> Count) -> Count {
    let [forward, reverse] = [&flow.forward, &flow.reverse].map(field);
    Count {
        delta: forward.delta + reverse.delta,
        total: forward.total + reverse.total,
    }
}

/// Checks all that must hold of any source that was drained.
pub(crate) fn check(outcome: &Outcome) {
    every_packet_is_somewhere_once(outcome);
    records_of_a_flow_add_up(&outcome.flows);
    let stats = &outcome.stats;
    let flows = by_flow(&outcome.flows).len() as u64;
    assert_eq!(
        (stats.flows_open, stats.flows_ended, stats.records),
        (0, flows, outcome.flows.len() as u64)
    );
}

/// Checks what holds though records were suppressed: no packet is lost with them.
pub(crate) fn check_filtered(outcome: &Outcome) {
    every_packet_is_somewhere_once(outcome);
    let stats = &outcome.stats;
    let flows = by_flow(&outcome.flows).len() as u64;
    assert!(stats.flows_ended >= flows, "{stats:#?}");
    assert_eq!(
        (stats.flows_open, stats.records),
        (0, outcome.flows.len() as u64)
    );
}

fn every_packet_is_somewhere_once(outcome: &Outcome) {
    let stats = &outcome.stats;
    let hooks = || stats.hooks.iter().chain(&stats.removed_interfaces);
    let ignored = || hooks().flat_map(|hook| &hook.ignored);
    let sum = |counts: &mut dyn Iterator<Item = u64>| counts.sum::<u64>();
    for (what, crossed, left, told) in [
        (
            "packets",
            sum(&mut hooks().map(|hook| hook.traffic.packets)),
            sum(&mut ignored().map(|found| found.packets)),
            sum(&mut outcome
                .flows
                .iter()
                .map(|flow| both(flow, |half| half.packets).delta)),
        ),
        (
            "octets",
            sum(&mut hooks().map(|hook| hook.traffic.frame_octets)),
            sum(&mut ignored().map(|found| found.frame_octets)),
            sum(&mut outcome
                .flows
                .iter()
                .map(|flow| both(flow, |half| half.frame_octets).delta)),
        ),
    ] {
        assert_eq!(told, crossed - left, "{what}: {stats:#?}");
    }
    // A removed interface has no ledger of its own any more.
    if stats.removed_interfaces.is_empty() {
        each_interface_has_its_own(outcome);
    }
}

fn each_interface_has_its_own(outcome: &Outcome) {
    let mut indices: Vec<u32> = outcome.stats.hooks.iter().map(|hook| hook.index).collect();
    indices.dedup();
    for index in indices {
        let hooks = || {
            outcome
                .stats
                .hooks
                .iter()
                .filter(|hook| hook.index == index)
        };
        let ignored = || hooks().flat_map(|hook| &hook.ignored);
        let flows = || {
            outcome
                .flows
                .iter()
                .filter(|flow| flow.interface.index == index)
        };
        let crossed = hooks().map(|hook| hook.traffic.packets).sum::<u64>();
        let left = ignored().map(|found| found.packets).sum::<u64>();
        let told: u64 = flows()
            .map(|flow| both(flow, |half| half.packets).delta)
            .sum();
        assert_eq!(told, crossed - left, "packets: {:#?}", outcome.stats);
        let crossed = hooks().map(|hook| hook.traffic.frame_octets).sum::<u64>();
        let left = ignored().map(|found| found.frame_octets).sum::<u64>();
        let told: u64 = flows()
            .map(|flow| both(flow, |half| half.frame_octets).delta)
            .sum();
        assert_eq!(told, crossed - left, "octets: {:#?}", outcome.stats);
    }
}

fn by_flow(flows: &[Flow]) -> HashMap<u128, Vec<&Flow>> {
    let mut by_flow: HashMap<u128, Vec<&Flow>> = HashMap::new();
    for flow in flows {
        by_flow.entry(flow.id.to_u128()).or_default().push(flow);
    }
    by_flow
}

fn records_of_a_flow_add_up(flows: &[Flow]) {
    for records in by_flow(flows).values() {
        let mut sums = [0; 6];
        for (number, record) in records.iter().enumerate() {
            assert_eq!(record.sequence, number as u64, "{records:#?}");
            let last = number + 1 == records.len();
            assert_eq!(record.end_reason.goes_on(), !last, "{records:#?}");
            assert!(record.start <= record.end, "{record:#?}");
            let [f, r] = [&record.forward, &record.reverse];
            let counts = [
                f.packets,
                f.octets,
                f.frame_octets,
                r.packets,
                r.octets,
                r.frame_octets,
            ];
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count.delta;
                assert_eq!(*sum, count.total, "{records:#?}");
            }
        }
    }
}

/// Socket buffers that one hook counted, to compare with the interface's own counters.
pub(crate) fn buffers(outcome: &Outcome, interface: &str, direction: HookDirection) -> Counters {
    let hook = outcome
        .stats
        .hooks
        .iter()
        .find(|hook| &*hook.interface == interface && hook.direction == direction)
        .unwrap();
    Counters {
        packets: hook.traffic.skbs,
        octets: hook.traffic.skb_octets,
    }
}

/// The same as packets on the wire.
pub(crate) fn wire(outcome: &Outcome, interface: &str, direction: HookDirection) -> Counters {
    let hook = outcome
        .stats
        .hooks
        .iter()
        .find(|hook| &*hook.interface == interface && hook.direction == direction)
        .unwrap();
    Counters {
        packets: hook.traffic.packets,
        octets: hook.traffic.frame_octets,
    }
}
