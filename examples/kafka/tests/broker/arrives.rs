//! Records that arrive.

use std::collections::BTreeMap;

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink, Retry, retry, testing},
};
use mermin_kafka::{Compression, Exporter};
use mermin_testing::{id, json, soon, sorted_ids, times_of_a_stepped_clock, trouble};

use crate::support::Cluster;

impl testing::Receiver for Cluster {
    type Sink = Retry<Exporter>;
    type Key = String;

    fn key(flow: &Flow) -> String {
        id(flow)
    }

    fn sink(&mut self) -> Self::Sink {
        retry(self.exporter(), soon())
    }

    fn received(&mut self) -> Vec<String> {
        self.ids()
    }

    fn stop(&mut self) -> bool {
        self.down();
        true
    }

    fn start(&mut self) {
        self.up();
    }
}

#[test]
fn sink_contract_holds() {
    trouble::sink_contract_holds(Cluster::new, 5);
}

/// Each has the attributes of its flow, under its Community ID; one conversation is in one partition.
#[test]
fn each_record_is_a_message_keyed_by_community_id() {
    for compression in [Compression::Zstd, Compression::Lz4, Compression::None] {
        let cluster = Cluster::new();
        let mut flows = testing::detailed_flows(300);
        // The same conversations once more, as another source sees them.
        let others = flows.clone().into_iter().map(|mut flow| {
            flow.sequence += 10;
            flow
        });
        flows.extend(others);
        let settings = cluster.settings().compression(compression);
        let mut sink = Exporter::new(&settings).unwrap();
        for batch in flows.chunks(100) {
            block_on(sink.export(batch)).unwrap();
        }
        block_on(sink.close()).unwrap();
        let stats = sink.meter().unwrap().stats();
        assert_eq!((stats.accepted, stats.delivered), (600, 600));
        assert_eq!(cluster.ids(), sorted_ids(&flows));
        let expected: BTreeMap<_, _> = flows.iter().map(|it| (id(it), json(it))).collect();
        let mut partitions = BTreeMap::new();
        for message in cluster.stored() {
            assert_eq!(message.payload, expected[&message.id()]);
            assert_eq!(message.payload["flow.community_id"], message.key.as_str());
            let partition = *partitions.entry(message.key).or_insert(message.partition);
            assert_eq!(partition, message.partition);
        }
        let used: std::collections::BTreeSet<_> = partitions.values().collect();
        assert_eq!(used.len(), 3, "keys are spread");
    }
}

/// Whoever asked has gone, and asks again: what was sent meanwhile is not sent again.
#[test]
fn cancelled_export_stores_its_batch_once() {
    let cluster = Cluster::new();
    let mut sink = cluster.exporter();
    let flows = trouble::dropped_call(&mut sink);
    assert_eq!(cluster.ids(), sorted_ids(&flows));
}

/// As after a source was killed, by another producer: a consumer can tell such records by their ids.
#[test]
fn redelivered_record_has_the_same_key_and_value() {
    let cluster = Cluster::new();
    let flows = testing::detailed_flows(300);
    for part in [&flows[..200], &flows[100..]] {
        let mut sink = cluster.exporter();
        block_on(sink.export(part)).unwrap();
        block_on(sink.close()).unwrap();
    }
    let mut messages = BTreeMap::new();
    for message in cluster.stored() {
        let stored = (
            message.partition,
            message.key.clone(),
            message.payload.clone(),
        );
        let first = messages
            .entry(message.id())
            .or_insert_with(|| stored.clone());
        assert_eq!(*first, stored);
    }
    let ids: Vec<_> = messages.into_keys().collect();
    assert_eq!(ids, sorted_ids(&flows));
    assert_eq!(cluster.ids().len(), 400);
}

/// Times of records are as they are; nothing else goes by them.
#[test]
fn records_with_decreasing_times_are_stored() {
    let cluster = Cluster::new();
    let flows = times_of_a_stepped_clock(60);
    let mut sink = cluster.exporter();
    block_on(sink.export(&flows)).unwrap();
    let expected: BTreeMap<_, _> = flows.iter().map(|it| (id(it), json(it))).collect();
    let stored = cluster.stored();
    assert_eq!(stored.len(), 60);
    for message in stored {
        assert_eq!(message.payload, expected[&message.id()]);
    }
}
