//! Open flows while a capture is read.

use std::{collections::HashSet, io, sync::mpsc, thread, time::Duration};

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{
    Flow, FlowSource, FlowSourceBuilder, Handle,
    filter::{Filter, Rule},
    flow::EndReason,
};

use crate::{
    channel::Channel,
    frames::{ETHERNET, Frame, Shape, pcap, udp},
    run::{check_ledger, seconds, sums},
};

/// A source that waits behind these frames for more.
fn source(options: FlowSourceBuilder, frames: &[Frame]) -> (FlowSource, mpsc::Sender<Vec<u8>>) {
    let (sender, capture) = Channel::new();
    sender.send(pcap(Shape::LITTLE, ETHERNET, frames)).unwrap();
    let options = options.pcap_reader(capture);
    let source = block_on(options.open()).unwrap();
    while source.handle().stats().packets < frames.len() as u64 {
        thread::sleep(Duration::from_millis(1));
    }
    (source, sender)
}

/// All flows of a snapshot, none twice.
fn snapshot(handle: &Handle) -> Vec<Flow> {
    let mut flows = Vec::new();
    let mut open = handle.open_flows();
    block_on(async {
        while let Some(page) = open.next_page().await {
            assert!((1..=4096).contains(&page.len()));
            flows.extend_from_slice(page);
        }
    });
    let ids: HashSet<_> = flows.iter().map(|flow| flow.id).collect();
    assert_eq!(ids.len(), flows.len());
    flows
}

fn packets<'a>(flows: impl IntoIterator<Item = &'a Flow>) -> u64 {
    let flows = flows.into_iter();
    flows
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta)
        .sum()
}

#[test]
fn totals_are_those_of_all_packets_and_pages_have_each_flow_once() {
    const FLOWS: u16 = 10_000;
    let frame = |port| Frame::new(seconds(1), udp(port, 5));
    let frames: Vec<Frame> = (1..=FLOWS).chain(1..=FLOWS).map(frame).collect();
    let (mut source, sender) = source(FlowSource::builder(), &frames);
    let open = snapshot(&source.handle());
    assert_eq!(open.len(), usize::from(FLOWS));
    for flow in &open {
        assert_eq!(sums(flow), [2, 2 * 33, 0, 0]);
        assert_eq!(flow.end_reason, EndReason::ActiveTimeout);
    }
    // They are as their records are, but for how they end.
    drop(sender);
    let flows: Vec<Flow> = block_on(source.by_ref().map(Result::unwrap).collect());
    check_ledger(&flows, &source.handle().stats());
    let as_open = |mut flow: Flow| {
        flow.end_reason = EndReason::ActiveTimeout;
        (flow.id, flow)
    };
    let flows: std::collections::HashMap<_, _> = flows.into_iter().map(as_open).collect();
    assert!(open.iter().all(|flow| flows.get(&flow.id) == Some(flow)));
    assert_eq!(flows.len(), open.len());
    assert!(
        snapshot(&source.handle()).is_empty(),
        "the source has ended"
    );
}

#[test]
fn snapshot_and_the_records_before_it_are_what_was_counted() {
    // One flow goes on for longer than an interval, others end, and some have just begun.
    let mut frames: Vec<Frame> = (0..100)
        .map(|second| Frame::new(seconds(second), udp(7, 1)))
        .collect();
    frames.extend((1000..1500).map(|port| Frame::new(seconds(99), udp(port, 1))));
    frames.insert(2, Frame::new(seconds(1), udp(8, 1)));
    let options = FlowSource::builder().udp_timeout(Duration::from_secs(10));
    let (mut source, _sender) = source(options, &frames);
    let handle = source.handle();
    let open = snapshot(&handle);
    assert_eq!(open.len(), 501);
    let long = open
        .iter()
        .find(|flow| flow.source.port == Some(7))
        .unwrap();
    assert_eq!((long.sequence, long.forward.packets.total), (1, 100));
    assert!(long.forward.packets.delta < 100);
    let records = usize::try_from(handle.stats().records).unwrap();
    let told: Vec<Flow> = block_on(source.by_ref().take(records).map(Result::unwrap).collect());
    assert_eq!(told.len(), 2, "an interval, and an end");
    assert_eq!(packets(&open) + packets(&told), frames.len() as u64);
}

#[test]
fn filtered_flows_are_absent_from_snapshots() {
    let mut filter = Filter::default();
    filter.source.port = Rule::matching(["1-10"]).unwrap();
    filter.flow.ip_ttl = Rule::matching(["1"]).unwrap();
    let frames: Vec<Frame> = (1..=100)
        .map(|port| Frame::new(seconds(1), udp(port, 5)))
        .collect();
    let (source, _sender) = source(FlowSource::builder().filter(filter), &frames);
    assert_eq!(snapshot(&source.handle()).len(), 10);
}

#[test]
fn pages_come_while_nobody_takes_records() {
    // Each packet ends the flow that began 30 s before, until the queue is full and the thread waits.
    let frames: Vec<Frame> = (0..20_000)
        .map(|number| {
            let port = u16::try_from(number % 50_000 + 1).unwrap();
            Frame::new(seconds(number), udp(port, 1))
        })
        .collect();
    let file = io::Cursor::new(pcap(Shape::LITTLE, ETHERNET, &frames));
    let mut source = block_on(FlowSource::builder().pcap_reader(file).open()).unwrap();
    let handle = source.handle();
    let mut before = u64::MAX;
    while handle.stats().packets != before {
        before = handle.stats().packets;
        thread::sleep(Duration::from_millis(200));
    }
    let open = snapshot(&handle);
    assert_eq!(open.len() as u64, handle.stats().flows_open);
    assert!(open.len() > 20, "{}", open.len());
    let flows: Vec<Flow> = block_on(source.by_ref().map(Result::unwrap).collect());
    for still in &open {
        assert_eq!(flows.iter().filter(|flow| flow.id == still.id).count(), 1);
    }
    check_ledger(&flows, &handle.stats());
}
