//! Records that arrive.

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink, Retry, retry, testing},
};
use mermin_nats::Exporter;
use mermin_testing::{id, ids, json, soon, times_of_a_stepped_clock, trouble};

use crate::support::Server;

impl testing::Receiver for Server {
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
        self.kill();
        true
    }

    fn start(&mut self) {
        Server::start(self);
    }
}

pub(crate) fn keeps() {
    trouble::sink_contract_holds(Server::new, 5);
}

/// Each has the attributes of its flow, and its id is theirs.
pub(crate) fn messages() {
    let server = Server::new();
    let flows = testing::detailed_flows(700);
    let mut sink = Exporter::new(server.settings().under_way(100)).unwrap();
    block_on(sink.export(&flows)).unwrap();
    block_on(sink.close()).unwrap();
    let expected: Vec<_> = flows.iter().map(|flow| (id(flow), json(flow))).collect();
    assert_eq!(server.stored(), expected);
    let stats = sink.meter().unwrap().stats();
    assert_eq!((stats.accepted, stats.delivered), (700, 700));
    let info = server.client().info();
    assert_eq!(info["config"]["duplicate_window"], 600_000_000_000_u64);
    assert_eq!(info["config"]["subjects"][0], "FLOWS.>");
}

/// As after a source was killed, by another exporter.
pub(crate) fn again() {
    let server = Server::new();
    let flows = testing::flows(300);
    for part in [&flows[..200], &flows[100..]] {
        let mut sink = server.exporter();
        block_on(sink.export(part)).unwrap();
        block_on(sink.close()).unwrap();
    }
    assert_eq!(server.ids(), ids(&flows));
}

/// Whoever asked has gone, and asks again: it is counted once, and told apart by no id.
pub(crate) fn dropped() {
    let server = Server::new();
    let mut sink = server.exporter();
    let flows = trouble::dropped_call(&mut sink);
    assert_eq!(server.ids(), ids(&flows));
}

/// Times of records are as they are; nothing else goes by them.
pub(crate) fn stepped() {
    let server = Server::new();
    let flows = times_of_a_stepped_clock(90);
    let mut sink = server.exporter();
    for batch in flows.chunks(30) {
        block_on(sink.export(batch)).unwrap();
    }
    let expected: Vec<_> = flows.iter().map(|flow| (id(flow), json(flow))).collect();
    assert_eq!(server.stored(), expected);
}
