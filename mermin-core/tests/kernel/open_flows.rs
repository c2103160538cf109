//! Snapshots of open flows: exact, each flow once, while traffic and sweeps continue.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mermin_core::{Attach, Flow, Handle, Pinning, flow::FlowId};

use crate::support::{
    frame,
    host::Pair,
    traffic::{Busy, Injector, address, udp_dialogue},
    wait::{LONGEST, until_true, within},
    watch::{Watch, on},
};

crate::cases! {
    each_mode totals_of_open_flows_are_complete,
    each_mode no_flow_is_listed_twice_while_slots_are_reused,
    each_mode records_and_a_snapshot_equal_the_ledger,
    each_mode snapshot_of_a_pinned_source_is_complete,
}

/// All flows of a snapshot, none twice.
pub(crate) fn snapshot(handle: &Handle) -> Vec<Flow> {
    let mut flows = Vec::new();
    let mut open = handle.open_flows();
    while let Some(page) = within(LONGEST, open.next_page()).expect("a page comes") {
        flows.extend_from_slice(page);
    }
    let ids: HashSet<_> = flows.iter().map(|flow| flow.id).collect();
    assert_eq!(ids.len(), flows.len(), "a flow twice");
    flows
}

fn packets(flows: &[Flow]) -> u64 {
    let halves = flows.iter().flat_map(|flow| [&flow.forward, &flow.reverse]);
    halves.map(|half| half.packets.delta).sum()
}

fn frame_octets(flows: &[Flow]) -> u64 {
    let halves = flows.iter().flat_map(|flow| [&flow.forward, &flow.reverse]);
    halves.map(|half| half.frame_octets.delta).sum()
}

/// More flows than a page has, two packets each, and a conversation.
fn totals_of_open_flows_are_complete(mode: Attach) {
    const FLOWS: u64 = 10_000;
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode).max_flows(1 << 14));
    let injector = Injector::new(&pair.near, "v0");
    for number in (0..FLOWS).chain(0..FLOWS) {
        injector.send(&frame::numbered(number));
    }
    udp_dialogue(
        &pair,
        ["10.0.0.1:40000", "10.0.0.2:53"].map(address),
        10,
        [10, 20],
    );
    let stats = watch.stats();
    assert_eq!(stats.packets, 2 * FLOWS + 20);
    let open = snapshot(&watch.handle);
    assert_eq!(open.len() as u64, FLOWS + 1);
    assert_eq!(packets(&open), stats.packets);
    assert_eq!(frame_octets(&open), stats.frame_octets);
    for flow in &open {
        let both = [&flow.forward, &flow.reverse].map(|half| half.packets.total);
        assert!(both == [2, 0] || both == [10, 10], "{flow:#?}");
        assert_eq!((&*flow.interface.name, flow.sequence), ("v0", 0));
    }
    let handle = watch.handle.clone();
    let outcome = watch.finish();
    let told: HashMap<FlowId, u64> = outcome
        .flows
        .iter()
        .map(|flow| (flow.id, flow.forward.packets.total))
        .collect();
    assert!(
        open.iter()
            .all(|flow| told.get(&flow.id) == Some(&flow.forward.packets.total))
    );
    assert!(snapshot(&handle).is_empty(), "the source has ended");
}

/// Flows begin and end all the time; a flow's total never goes back from one snapshot to the next.
fn no_flow_is_listed_twice_while_slots_are_reused(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .max_flows(1 << 17)
        .udp_timeout(Duration::from_millis(300));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Arc::new(Injector::new(&pair.near, "v0"));
    let busy = Busy::start(|cpu| {
        let (injector, handle) = (Arc::clone(&injector), watch.handle.clone());
        move |round| {
            for number in 0..100 {
                let frame = frame::numbered((cpu as u64) << 23 | (round * 100 + number));
                injector.send(&frame);
                injector.send(&frame);
            }
            while handle.stats().flows_open > 20_000 {
                std::thread::sleep(Duration::from_millis(5));
            }
            200
        }
    });
    let handle = watch.handle.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let snapshots = Arc::new(AtomicU32::new(0));
    let taken = Arc::clone(&snapshots);
    let reader = std::thread::spawn(move || {
        let mut before: HashMap<FlowId, u64> = HashMap::new();
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            let now: HashMap<FlowId, u64> = snapshot(&handle)
                .iter()
                .map(|flow| (flow.id, flow.forward.packets.total))
                .collect();
            for (id, packets) in &now {
                assert!(before.get(id).is_none_or(|before| before <= packets));
            }
            before = now;
            taken.fetch_add(1, Ordering::Relaxed);
        }
    });
    watch.take_during_until(busy, Duration::from_secs(2), |stats| {
        stats.flows_ended > 10_000 && snapshots.load(Ordering::Relaxed) > 5
    });
    stop.send(()).unwrap();
    reader.join().unwrap();
    watch.finish();
}

/// Some flows have ended, some have had a record, some are new: all of it adds up.
fn records_and_a_snapshot_equal_the_ledger(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .udp_timeout(Duration::from_secs(600))
        .active_timeout(Duration::from_secs(1));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.near, "v0");
    let mut sent = 0;
    while watch.flows.len() < 200 {
        for number in 0..100 {
            injector.send(&frame::numbered(number));
            sent += 1;
        }
        watch.take_for(Duration::from_millis(100));
    }
    // Records that were made before the snapshot are in the queue.
    let open = snapshot(&watch.handle);
    let records = usize::try_from(watch.stats().records).unwrap();
    watch.take_until("all records", |flows| flows.len() >= records);
    let sequences: Vec<u64> = open.iter().map(|flow| flow.sequence).collect();
    assert_eq!(open.len(), 100);
    for flow in &open {
        let told = watch.flows.iter().filter(|told| told.id == flow.id);
        let before: Vec<&Flow> = told.filter(|told| told.sequence < flow.sequence).collect();
        let deltas: u64 = before.iter().map(|told| told.forward.packets.delta).sum();
        assert_eq!(
            deltas + flow.forward.packets.delta,
            flow.forward.packets.total
        );
        assert_eq!(flow.forward.packets.total, sent / 100);
    }
    assert!(sequences.iter().all(|&sequence| sequence > 0));
    watch.finish();
}

/// A flow whose last record waits for an acknowledgement is not open any more.
fn snapshot_of_a_pinned_source_is_complete(mode: Attach) {
    let pair = Pair::new();
    let instance = format!("open-{}-{mode:?}", std::process::id());
    let options = on("v0")
        .attach(mode)
        .pinning(Pinning::instance(instance))
        .tcp_timeout(Duration::from_secs(600))
        .udp_timeout(Duration::from_secs(1));
    let mut watch = Watch::open(&pair.near, options);
    let acknowledger = watch.source.manual_ack();
    let injector = Injector::new(&pair.near, "v0");
    for number in 0..50 {
        injector.send(&frame::numbered(number));
    }
    assert_eq!(packets(&snapshot(&watch.handle)), 50);
    watch.take_until("the ends", |flows| flows.len() == 50);
    assert!(
        snapshot(&watch.handle).is_empty(),
        "all have their last records"
    );
    acknowledger.ack_all(&watch.flows);
    until_true("the slots' return", || watch.stats().flows_open == 0);
    assert!(snapshot(&watch.handle).is_empty());
    watch.finish();
}
